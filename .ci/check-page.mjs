// Looks at HTML pages as readers do: in a headless Chromium, on a phone and on a desk, light and dark.
// Leaves a picture of each, and names what is wrong.
//
//     node check-page.mjs FOLDER-FOR-PICTURES PAGE.html …
//
// Chromium is asked through a pipe in the DevTools protocol, so nothing beside node and Chromium is
// needed.

import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const WIDTHS = [390, 1280];
const THEMES = ["light", "dark"];
const TIMEOUT = 60_000;
// On a desk, a page with everything folded away that can be is no longer: of the diabetes data, and of others.
const DESK = 1280;
const LONGEST = { gp: 6_000 };
const LONGEST_OF_OTHERS = 10_000;
// Chromium draws no higher pictures.
const TALLEST = 16_000;

const BROWSERS = ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"];

/** A running browser. */
class Browser {
  constructor() {
    const program = process.env.CHROMIUM ??
      BROWSERS.find((name) => spawnSync(name, ["--version"]).status === 0);
    if (!program) throw new Error(`none of ${BROWSERS.join(", ")} is installed`);
    this.profile = mkdtempSync(join(tmpdir(), "check-page-"));
    this.process = spawn(program, [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--remote-debugging-pipe",
      `--user-data-dir=${this.profile}`,
    ], { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    this.waiting = new Map();
    this.listeners = new Set();
    this.last = 0;
    let text = "";
    this.process.stdio[4].setEncoding("utf8").on("data", (piece) => {
      const messages = (text + piece).split("\0");
      text = messages.pop();
      messages.forEach((message) => this.#receive(JSON.parse(message)));
    });
    this.process.on("exit", () => {
      for (const { reject } of this.waiting.values()) reject(new Error("the browser ended"));
    });
  }

  #receive(message) {
    const waiting = this.waiting.get(message.id);
    if (!waiting) return this.listeners.forEach((listener) => listener(message));
    this.waiting.delete(message.id);
    if (message.error) waiting.reject(new Error(message.error.message));
    else waiting.resolve(message.result);
  }

  ask(method, params = {}, sessionId = undefined) {
    const id = ++this.last;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${method} took too long`)), TIMEOUT);
      const settle = (then) => (value) => (clearTimeout(timer), then(value));
      this.waiting.set(id, { resolve: settle(resolve), reject: settle(reject) });
      this.process.stdio[3].write(JSON.stringify({ id, method, params, sessionId }) + "\0");
    });
  }

  async close() {
    const ended = new Promise((resolve) => this.process.once("exit", resolve));
    await this.ask("Browser.close").catch(() => this.process.kill());
    await ended;
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** What is wrong with a page at one width in one theme, and its picture. */
async function look(browser, file, width, theme) {
  const { targetId } = await browser.ask("Target.createTarget", { url: "about:blank" });
  const { sessionId } = await browser.ask("Target.attachToTarget", { targetId, flatten: true });
  const ask = (method, params) => browser.ask(method, params, sessionId);
  const url = pathToFileURL(resolve(file)).href;
  const faults = [];
  let loaded;
  const load = new Promise((resolve, reject) => {
    loaded = resolve;
    setTimeout(() => reject(new Error(`${file} does not load`)), TIMEOUT).unref();
  });
  const listener = ({ method, params, sessionId: session }) => {
    if (session !== sessionId) return;
    if (method === "Page.loadEventFired") loaded();
    if (method === "Runtime.exceptionThrown") {
      faults.push(`exception: ${params.exceptionDetails.text}`);
    }
    if (method === "Runtime.consoleAPICalled" && ["error", "warning", "assert"].includes(params.type)) {
      faults.push(`console: ${params.args.map((value) => value.value).join(" ")}`);
    }
    if (method === "Log.entryAdded" && ["error", "warning"].includes(params.entry.level)) {
      faults.push(`console: ${params.entry.text}`);
    }
    if (method === "Network.requestWillBeSent") {
      const asked = params.request.url;
      if (asked !== url && !asked.startsWith("data:")) faults.push(`request: asks for ${asked}`);
    }
    if (method === "Network.loadingFailed") faults.push(`request: ${params.errorText}`);
  };
  browser.listeners.add(listener);
  for (const domain of ["Page", "Runtime", "Log", "Network", "Accessibility"]) {
    await ask(`${domain}.enable`);
  }
  await ask("Emulation.setDeviceMetricsOverride", {
    width,
    height: 900,
    deviceScaleFactor: 1,
    mobile: width < 600,
  });
  await ask("Emulation.setEmulatedMedia", {
    features: [{ name: "prefers-color-scheme", value: theme }],
  });
  await ask("Page.navigate", { url });
  await load;
  const length = (await ask("Page.getLayoutMetrics")).cssContentSize.height;
  const longest = LONGEST[basename(file, ".html")] ?? LONGEST_OF_OTHERS;
  if (width >= DESK && length > longest) faults.push(`length: ${Math.ceil(length)} px`);
  // Whatever is folded away is looked at, too.
  const expression = `document.querySelectorAll("details").forEach((part) => (part.open = true));
    (${inPage})(${width}, ${JSON.stringify(theme)})`;
  const answer = await ask("Runtime.evaluate", { expression, returnByValue: true });
  if (answer.exceptionDetails) throw new Error(answer.exceptionDetails.exception.description);
  faults.push(...answer.result.value);
  const { nodes } = await ask("Accessibility.getFullAXTree");
  const named = ["image", "img", "link", "button", "table", "region", "navigation"];
  for (const { ignored, role, name } of nodes) {
    if (!ignored && named.includes(role?.value) && !name?.value?.trim()) {
      faults.push(`name: ${role.value} has none that a screen reader could say`);
    }
  }
  const { cssContentSize: size } = await ask("Page.getLayoutMetrics");
  const height = Math.min(Math.ceil(size.height), TALLEST);
  const { data } = await ask("Page.captureScreenshot", {
    captureBeyondViewport: true,
    clip: { x: 0, y: 0, width, height, scale: 1 },
  });
  browser.listeners.delete(listener);
  await browser.ask("Target.closeTarget", { targetId });
  return { faults: [...new Set(faults)], picture: Buffer.from(data, "base64") };
}

/** Runs in the page. */
function inPage(width, theme) {
  const faults = [];
  const root = document.documentElement;
  const all = (selector) => [...document.querySelectorAll(selector)];
  const short = (element) => {
    const text = element.textContent.trim().replace(/\s+/g, " ").slice(0, 40);
    return `<${element.tagName.toLowerCase()}> ${JSON.stringify(text)}`;
  };

  if (!root.lang) faults.push("lang: the page does not say its language");
  if (!document.title.trim()) faults.push("title: the page has none");

  const headings = all("h1, h2, h3, h4, h5, h6").map((heading) => Number(heading.tagName[1]));
  if (headings.filter((level) => level === 1).length !== 1) faults.push("headings: not one <h1>");
  headings.forEach((level, place) => {
    const before = place ? headings[place - 1] : 0;
    if (level > before + 1) faults.push(`headings: <h${level}> follows <h${before}>`);
  });

  const ids = all("[id]").map((element) => element.id);
  ids.filter((id, place) => ids.indexOf(id) !== place).forEach((id) => faults.push(`id: two ${id}`));
  all("a[href^='#']").forEach((link) => {
    if (!document.getElementById(link.hash.slice(1))) faults.push(`link: ${link.hash} leads nowhere`);
  });

  all("img:not([alt])").forEach((image) => faults.push(`alt: missing of ${image.src.slice(-60)}`));
  all("svg").forEach((picture) => {
    if (picture.closest("svg svg") || picture.getAttribute("aria-hidden") === "true") return;
    const title = picture.querySelector(":scope > title")?.textContent.trim();
    const name = title || picture.getAttribute("aria-label") || picture.getAttribute("aria-labelledby");
    if (picture.getAttribute("role") !== "img" || !name) {
      faults.push(`alt: a picture says nothing of itself: ${short(picture)}`);
    }
  });

  if (root.scrollWidth > width) {
    const inBox = (element) => {
      for (let box = element.parentElement; box && box !== document.body; box = box.parentElement) {
        if (getComputedStyle(box).overflowX !== "visible") return true;
      }
      return false;
    };
    const wide = all("body *")
      .find((element) => element.getBoundingClientRect().right > width + 1 && !inBox(element));
    faults.push(`sideways: ${root.scrollWidth} px wide; ${wide ? short(wide) : "the body"}`);
  }
  all("*").forEach((box) => {
    const scrolls = ["auto", "scroll"].includes(getComputedStyle(box).overflowX);
    if (box !== root && box !== document.body && scrolls && box.scrollWidth > box.clientWidth) {
      if (box.tabIndex < 0) faults.push(`keyboard: cannot scroll ${short(box)}`);
    }
  });

  // Contrasts as in WCAG 2.2, 1.4.3.
  const parsed = (colour) => {
    const [red, green, blue, alpha = 1] = (colour.match(/[\d.]+/g) ?? [0, 0, 0, 0]).map(Number);
    return { rgb: [red, green, blue], alpha };
  };
  const luminance = (rgb) => {
    const [red, green, blue] = rgb.map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const paper = (element) => {
    for (let box = element; box; box = box.parentElement) {
      const { rgb, alpha } = parsed(getComputedStyle(box).backgroundColor);
      if (alpha === 1) return rgb;
    }
    return [255, 255, 255];
  };
  const background = luminance(paper(document.body));
  if (theme === "dark" ? background > 0.2 : background < 0.8) {
    faults.push(`theme: the page is not ${theme}`);
  }
  const low = new Map();
  all("body *").forEach((element) => {
    // What this width does not show is drawn once more for it.
    if (!element.getClientRects().length) return;
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    const drawn = element instanceof SVGElement;
    if (!own || (drawn && element.tagName !== "text")) return;
    const style = getComputedStyle(element);
    const ink = luminance(parsed(drawn ? style.fill : style.color).rgb);
    const behind = luminance(paper(element));
    const contrast = (Math.max(ink, behind) + 0.05) / (Math.min(ink, behind) + 0.05);
    if (contrast < 4.5) low.set(contrast.toFixed(2), short(element));
    if (!drawn) return;
    const size = parseFloat(style.fontSize) * Math.abs(element.ownerSVGElement.getScreenCTM().a);
    if (size < 9) faults.push(`size: letters of ${size.toFixed(1)} px in ${short(element)}`);
    const [text, frame] = [element, element.ownerSVGElement].map((box) => box.getBoundingClientRect());
    const out = Math.max(
      frame.left - text.left,
      text.right - frame.right,
      frame.top - text.top,
      text.bottom - frame.bottom,
    );
    if (out > 1) faults.push(`cut: ${out.toFixed(0)} px of ${short(element)}`);
  });
  low.forEach((where, contrast) => faults.push(`contrast: ${contrast} of ${where}`));
  return faults;
}

/** Looks at pages, saves their pictures in a folder and gives what is wrong, as lines. */
export async function check(files, folder) {
  mkdirSync(folder, { recursive: true });
  const browser = new Browser();
  const lines = [];
  try {
    for (const file of files) {
      for (const width of WIDTHS) {
        for (const theme of THEMES) {
          const { faults, picture } = await look(browser, file, width, theme);
          const name = `${basename(file, ".html")}-${width}-${theme}`;
          writeFileSync(join(folder, `${name}.png`), picture);
          lines.push(...faults.map((fault) => `${name}: ${fault}`));
        }
      }
    }
  } finally {
    await browser.close();
  }
  return lines;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [folder, ...files] = process.argv.slice(2);
  if (!files.length) {
    console.error("usage: check-page.mjs FOLDER-FOR-PICTURES PAGE.html …");
    process.exit(2);
  }
  const faults = await check(files, folder);
  faults.forEach((fault) => console.error(fault));
  const looked = `${files.length} pages at ${WIDTHS.join(" and ")} px, ${THEMES.join(" and ")}`;
  console.log(faults.length ? `${faults.length} faults on ${looked}` : `nothing wrong on ${looked}`);
  process.exit(faults.length ? 1 : 0);
}
