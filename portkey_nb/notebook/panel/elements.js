// Small parts of the chat panel: elements, buttons, toolbars of one tab stop, the clipboard.
const SVG = "http://www.w3.org/2000/svg";
const ICONS = {
  edit: "M2.7 13.3l.6-3 7-7 2.4 2.4-7 7zM8.8 4.8l2.4 2.4",
  copy: "M6 6h7.3v7.3H6zM3.7 10H2.7V2.7H10v1",
  copied: "M3 8.6l3.3 3.3L13 4.6",
  remove: "M2.8 4.5h10.4M6.3 4.5V2.7h3.4v1.8M4.2 4.5l.6 8.8h6.4l.6-8.8M6.7 7v4M9.3 7v4",
  move_up: "M8 13V3.2M4.2 7L8 3.2 11.8 7",
  move_down: "M8 3v9.8M4.2 9L8 12.8 11.8 9",
  add: "M8 3v10M3 8h10",
  retry: "M13 8a5 5 0 1 1-1.5-3.5L13.3 6M13.3 2.6V6H9.9",
  retry_with: "M2.7 5.3h10M10 2.6l2.7 2.7L10 8M13.3 10.7h-10M6 8l-2.7 2.7L6 13.4",
  good: "M2.7 7.2h2.4v6H2.7zM5.1 7.2l2.6-4.7c1 0 1.6.7 1.4 1.8l-.4 2.3h3.6c.8 0 1.3.7 1.1 1.4l-1 4c-.2.7-.7 1.2-1.4 1.2H5.1",
  dismiss: "M4 4l8 8M12 4l-8 8",
  attach: "M2.5 3.3h11v9.4h-11zM2.5 11l3.2-3.2 2.6 2.6 2-2 3.2 3.2M10.6 6h.01",
  previous: "M9.8 3.5L5.3 8l4.5 4.5",
  next: "M6.2 3.5L10.7 8l-4.5 4.5",
  newest: "M8 3v9.8M4.2 9L8 12.8 11.8 9",
};
ICONS.bad = ICONS.good;
let made = 0;

function make(tag, kind, text = "", attributes = {}) {
  const one = document.createElement(tag);
  if (kind) one.className = kind;
  if (text) one.textContent = text;
  for (const [name, value] of Object.entries(attributes)) one.setAttribute(name, value);
  return one;
}

// An id that no other element of the page has.
function fresh(word) {
  made += 1;
  return `pk-${word}-${made}-${Math.random().toString(36).slice(2, 8)}`;
}

function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", `pk-icon pk-icon-${name}`);
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

// aria-disabled and not disabled: a button that is disabled loses the focus.
function setOff(one, off) {
  if ((one.getAttribute("aria-disabled") === "true") !== off) one.setAttribute("aria-disabled", String(off));
}

function isOff(one) {
  return one.getAttribute("aria-disabled") === "true";
}

// What changes the conversation waits for the end of an answer; copying and opinions do not.
const WAITING = new Set(["edit", "retry", "retry_with", "move_up", "move_down", "add", "remove", "choose", "previous", "next"]);

const UNDER_WAY = "An answer is on its way; Esc stops it.";

function waits(tool) {
  return WAITING.has(tool.dataset.does);
}

function textButton(words, act, kind = "pk-button") {
  const one = make("button", kind, words, { type: "button" });
  one.addEventListener("click", () => isOff(one) || act(one));
  return one;
}

function iconButton(name, words, act, kind = "pk-tool") {
  const one = make("button", kind, "", { type: "button", "aria-label": words, title: words });
  one.dataset.does = name;
  one.append(icon(name));
  one.addEventListener("click", () => isOff(one) || act(one));
  return one;
}

// One tab stop for all buttons; arrow keys go from one to the next.
function rove(bar) {
  const stops = () => [...bar.querySelectorAll("button")];
  const only = (one) => stops().forEach((other) => (other.tabIndex = other === one ? 0 : -1));
  bar.addEventListener("focusin", (event) => only(event.target.closest("button")));
  bar.addEventListener("keydown", (event) => {
    const all = stops();
    const here = all.indexOf(document.activeElement);
    const to = { ArrowRight: here + 1, ArrowLeft: here - 1, Home: 0, End: all.length - 1 }[event.key];
    if (here < 0 || to === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    all[(to + all.length) % all.length].focus();
  });
  return () => {
    const all = stops();
    if (!all.some((one) => one.tabIndex === 0 && one === document.activeElement)) only(all[0]);
  };
}

function show(one, shown) {
  if (one.hidden === shown) one.hidden = !shown;
}

function say(one, text) {
  if (one.textContent !== text) one.textContent = text;
}

// A line of the panel's own, in which what stands between backticks is code.
function sayWords(one, text) {
  if (one.dataset.words === text) return;
  one.dataset.words = text;
  const parts = text.split(/`([^`]+)`/);
  one.replaceChildren(...parts.map((part, i) => (i % 2 ? make("code", "", part) : part)).filter((part) => part !== ""));
}

// Browsers give the clipboard to secure pages alone, and not to all frames; what was there before them works in both.
async function copyText(text, near) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const before = document.activeElement;
    const held = make("textarea", "pk-offscreen", "", { "aria-hidden": "true", tabindex: "-1" });
    held.value = text;
    near.append(held);
    held.select();
    let done = false;
    try {
      done = document.execCommand("copy");
    } catch {
      done = false;
    }
    held.remove();
    before?.focus?.({ preventScroll: true });
    return done;
  }
}

// A mark on the button itself, for a moment: nothing around it moves.
function flashCopied(one) {
  const before = one?.firstChild;
  if (!before || one.dataset.flashed) return;
  one.dataset.flashed = "true";
  one.style.minWidth = `${one.offsetWidth}px`;
  const mark = before.nodeType === Node.TEXT_NODE ? make("span", "", "Copied") : icon("copied");
  before.replaceWith(mark);
  setTimeout(() => {
    mark.replaceWith(before);
    one.style.minWidth = "";
    delete one.dataset.flashed;
  }, 1500);
}

function megabytes(bytes) {
  if (bytes < 1024 ** 2) return `${Math.max(1, Math.round(bytes / 1024))} KB`;
  return `${(bytes / 1024 ** 2).toFixed(1)} MB`;
}
