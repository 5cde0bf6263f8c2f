// Questions to the server. Every address of data carries the server's version.

let version = null;

export class Refused extends Error {}

export function address(path, parameters) {
  const query = new URLSearchParams(parameters);
  if (version !== null) query.set("v", version);
  return `${path}?${query}`;
}

/** The parameters that tell a view of a part; none where they say nothing. */
export function viewParameters(part, view) {
  const parameters = { part };
  if (view.sort !== "file") parameters.sort = view.sort;
  if (view.reverse) parameters.reverse = "1";
  if (view.labels.length) parameters.labels = view.labels.join(",");
  return parameters;
}

async function get(url, signal) {
  let response;
  try {
    response = await fetch(url, { signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused("the server is not running any more");
  }
  if (response.ok) return response;
  const told = await response.json().catch(() => ({}));
  throw new Refused(told.error ?? `the server answered ${response.status}`);
}

export async function ask(path, parameters = {}, signal = undefined) {
  return (await get(address(path, parameters), signal)).json();
}

export async function gallery() {
  const told = await ask("/api/gallery");
  version = told.version;
  return told;
}

/** A picture as an ImageBitmap, its pixels as they are. */
export async function bitmap(path, parameters, signal) {
  const response = await get(address(path, parameters), signal);
  return createImageBitmap(await response.blob(), { colorSpaceConversion: "none" });
}
