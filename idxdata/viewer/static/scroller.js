// Scrolling through more pixels than a browser lets an element be high.
//
// Browsers cap heights (Firefox near 17 million pixels, Chromium near 33 million), and 8
// million examples on a phone are 80 million high. So the element is at most MAX_HEIGHT,
// and what is seen at scrollTop is scrollTop + offset of the whole. The whole is cut into
// pages, each with an offset of its own: within a page, and from one to the next, wheel
// and finger move as far as they would anywhere; who drags the bar jumps in proportion.
// The first page's offset is 0, the last one's what is missing: both ends are reached.

const MAX_HEIGHT = 8_000_000;
const NUM_PAGES = 100;

export class Scroller {
  #element;
  #content;
  #onScroll;
  #height = 0;
  #pageHeight = 1;
  #numPages = 1;
  #step = 0;
  #offset = 0;
  #last = 0;

  /** `onScroll` is called after each change of `top` or `offset`. */
  constructor(element, content, onScroll) {
    this.#element = element;
    this.#content = content;
    this.#onScroll = onScroll;
    element.addEventListener("scroll", () => this.#scrolled(), { passive: true });
  }

  /** Where in the whole the upper edge is, in pixels. */
  get top() {
    return this.#element.scrollTop + this.#offset;
  }

  /** What lies at y of the whole lies at y - offset of the content. */
  get offset() {
    return this.#offset;
  }

  /** Makes the whole `height` high and shows it from `top` on. */
  resize(height, top) {
    const shown = Math.min(height, MAX_HEIGHT);
    this.#height = height;
    this.#pageHeight = shown / NUM_PAGES;
    this.#numPages = height > shown ? Math.floor(height / this.#pageHeight) : 1;
    this.#step = height > shown ? (height - shown) / (this.#numPages - 1) : 0;
    this.#content.style.height = `${shown}px`;
    this.goTo(top);
  }

  goTo(top) {
    const lowest = Math.max(0, this.#height - this.#element.clientHeight);
    const y = Math.min(Math.max(0, top), lowest);
    this.#offset = this.#offsetOf(y);
    this.#element.scrollTop = y - this.#offset;
    this.#last = this.#element.scrollTop;
    this.#onScroll();
  }

  #offsetOf(y) {
    const page = Math.min(Math.floor(y / this.#pageHeight), this.#numPages - 1);
    return Math.round(Math.max(0, page) * this.#step);
  }

  #scrolled() {
    const { scrollTop, clientHeight, scrollHeight } = this.#element;
    if (scrollTop === this.#last) return;
    const isJump = Math.abs(scrollTop - this.#last) > clientHeight;
    this.#last = scrollTop;
    if (this.#numPages === 1) {
      this.#onScroll();
    } else if (isJump) {
      const share = scrollTop / (scrollHeight - clientHeight);
      this.#offset = this.#offsetOf(share * (this.#height - clientHeight));
      this.#onScroll();
    } else if (this.#offsetOf(this.top) !== this.#offset) {
      this.goTo(this.top);
    } else {
      this.#onScroll();
    }
  }
}
