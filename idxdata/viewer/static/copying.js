// Code on the clipboard.

const COPIED_MS = 2000;

/** A button that copies the text of an element; `onDone(text)` says how it went. */
export function offerCopying(button, element, onDone) {
  const name = button.textContent;
  button.addEventListener("click", async () => {
    const isCopied = await copy(element.textContent);
    button.textContent = isCopied ? "Copied" : "Select and copy by hand";
    onDone(isCopied ? "The code is on the clipboard." : "The browser did not let us copy.");
    setTimeout(() => (button.textContent = name), COPIED_MS);
  });
}

/** Puts text on the clipboard; without leave, by the way that needs none. */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "unseen";
    const focused = document.activeElement;
    document.body.append(area);
    area.select();
    const isCopied = document.execCommand("copy");
    area.remove();
    focused?.focus();
    return isCopied;
  }
}
