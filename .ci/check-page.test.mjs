// Whether check-page.mjs sees what it is for: a page with one fault of each kind, and one without.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { check } from "./check-page.mjs";

const STYLE = `<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<style>:root { color-scheme: light dark; --paper: #fff; --ink: #111 }
@media (prefers-color-scheme: dark) { :root { --paper: #111; --ink: #eee } }
body { background: var(--paper); color: var(--ink) }</style>`;

const GOOD = `<!DOCTYPE html><html lang="en"><head><title>Good</title>${STYLE}</head><body>
<h1>One</h1><h2 id="a">Two</h2><a href="#a" style="color: inherit">there</a>
<div style="overflow-x: auto" role="region" aria-label="Wide" tabindex="0">
<div style="width: 2000px">wide, in a box of its own</div></div>
<svg role="img" width="100" height="40"><title>A picture</title>
<text x="5" y="20" font-size="12" fill="currentColor">inside</text></svg></body></html>`;

const BAD = `<!DOCTYPE html><html><head>
<meta name="viewport" content="width=device-width, initial-scale=1"></head>
<body style="background: #999">
<h2 id="a">First</h2><h4 id="a">Skipped</h4><a href="#nowhere">there</a>
<div style="width: 1500px">too wide</div>
<div style="overflow-x: auto; width: 100px"><div style="width: 900px">no keyboard</div></div>
<p style="color: #777">pale</p>
<div style="height: 11000px">long</div>
<img src="https://example.invalid/picture.png">
<svg width="100" height="40"><rect width="9" height="9"/></svg>
<svg role="img" width="50" height="40"><title>A</title>
<text x="5" y="20" font-size="5">tiny</text><text x="5" y="30" font-size="12">cut off at the edge</text></svg>
<script>console.error("said"); null.thrown;</script></body></html>`;

const SEEN = {
  lang: "does not say its language",
  title: "has none",
  headings: "<h4> follows <h2>",
  "headings of one": "not one <h1>",
  id: "two a",
  link: "#nowhere leads nowhere",
  sideways: "px wide",
  keyboard: "cannot scroll",
  contrast: "pale",
  request: "asks for https://example.invalid/picture.png",
  "failed request": "net::ERR",
  alt: "says nothing of itself",
  image: "missing of",
  size: "letters of 5.0 px",
  cut: "cut off at the edge",
  console: "said",
  exception: "exception",
  theme: "the page is not",
  length: "length: ",
};

const folder = mkdtempSync(join(tmpdir(), "check-page-test-"));
try {
  const files = { good: GOOD, bad: BAD };
  for (const [name, html] of Object.entries(files)) writeFileSync(join(folder, `${name}.html`), html);
  assert.deepEqual(await check([join(folder, "good.html")], folder), []);
  const faults = await check([join(folder, "bad.html")], folder);
  for (const [kind, text] of Object.entries(SEEN)) {
    for (const view of ["bad-390-light", "bad-390-dark", "bad-1280-light", "bad-1280-dark"]) {
      // A phone may be scrolled.
      if (kind === "length" && view.includes("390")) continue;
      const seen = faults.some((fault) => fault.startsWith(view) && fault.includes(text));
      assert(seen, `${kind} is not seen in ${view}:\n${faults.join("\n")}`);
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`the check sees ${Object.keys(SEEN).length} kinds of faults`);
