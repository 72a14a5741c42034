// Shows one pair of answers and sends which is better. Answers come as safe HTML from the kernel's own renderer.
const DOES = { 1: "left", 2: "right", 0: "tie", u: "undo" };
const BUTTONS = [
  ["left", "1", "Answer 1 is better"],
  ["tie", "0", "Tie"],
  ["right", "2", "Answer 2 is better"],
  ["undo", "u", "Undo"],
  ["reveal", "", "Show the ranking"],
];
const GONE = "The kernel is gone; what you rated is in the run log. Run the cell again to go on.";
const BUSY = "The kernel does not answer: it is busy, or gone. What you rated before is in the run log.";
const PATIENCE_MS = 3000;

function make(tag, kind, text = "") {
  const one = document.createElement(tag);
  if (kind) one.className = kind;
  one.textContent = text;
  return one;
}

function answer(number) {
  const box = make("section", "pk-rate-answer");
  const title = make("div", "pk-rate-title", `Answer ${number}`);
  title.id = `pk-rate-${Math.random().toString(36).slice(2)}`;
  const body = make("div", "pk-rate-text jp-RenderedHTMLCommon");
  box.setAttribute("aria-labelledby", title.id);
  box.append(title, body);
  return { box, body };
}

function render({ model, el }) {
  const root = make("div", "pk-rate");
  root.tabIndex = 0;
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", "Blind rating: which answer is better? Keys: 1, 2, 0 for a tie, u for undo");
  const head = make("div", "pk-rate-head");
  const progress = make("strong", "pk-rate-progress");
  const hint = make("span", "pk-rate-hint", "keys 1, 2, 0 and u work while this is in focus");
  head.append(progress, hint);
  const inputs = make("div", "pk-rate-inputs");
  const pair = make("div", "pk-rate-pair");
  const [left, right] = [answer(1), answer(2)];
  pair.append(left.box, right.box);
  const bar = make("div", "pk-rate-bar");
  bar.setAttribute("role", "toolbar");
  bar.setAttribute("aria-label", "Rate this pair");
  const buttons = BUTTONS.map(([does, key, words]) => {
    const button = make("button", "pk-rate-button", words);
    button.type = "button";
    button.dataset.does = does;
    if (key) {
      button.setAttribute("aria-keyshortcuts", key);
      const shown = make("kbd", "", key);
      shown.setAttribute("aria-hidden", "true");
      button.append(shown);
    }
    button.addEventListener("click", () => act(does));
    return button;
  });
  bar.append(...buttons);
  const said = make("div", "pk-rate-said");
  said.setAttribute("role", "alert");
  // What is new in a page is read out: which pair it is, the inputs, the answers.
  for (const one of [progress, inputs, pair]) one.setAttribute("aria-live", "polite");
  root.append(head, inputs, pair, bar, said);
  el.append(root);

  let waiting = null;
  let gone = false;

  // aria-disabled, for a button that is disabled loses the focus.
  function enable() {
    const page = model.get("page");
    for (const button of buttons) {
      const off = gone || waiting !== null || (button.dataset.does === "undo" && !page.undo);
      button.setAttribute("aria-disabled", String(off));
    }
  }
  function act(does) {
    const page = model.get("page");
    if (gone || waiting !== null || page.token === undefined || (does === "undo" && !page.undo)) return;
    waiting = setTimeout(() => {
      said.textContent = BUSY;
    }, PATIENCE_MS);
    enable();
    try {
      model.send({ do: does, token: page.token });
    } catch {
      lost();
    }
  }
  function update() {
    const page = model.get("page");
    clearTimeout(waiting);
    waiting = null;
    if (page.token === undefined) return;
    progress.textContent = page.progress;
    inputs.innerHTML = page.inputs;
    left.body.innerHTML = page.left;
    right.body.innerHTML = page.right;
    requestAnimationFrame(() => typeset(model, pair)); // in the page by then
    said.textContent = gone ? GONE : page.trouble;
    enable();
  }
  function lost() {
    gone = true;
    clearTimeout(waiting);
    said.textContent = GONE;
    enable();
  }
  // JupyterLab takes keys before any element does, and single letters would act upon the cell.
  function press(event) {
    if (!root.contains(document.activeElement) || event.ctrlKey || event.metaKey || event.altKey) return;
    const onButton = document.activeElement.tagName === "BUTTON" && (event.key === "Enter" || event.key === " ");
    if (event.key.length !== 1 && !onButton) return;
    if (event.key === " " && !onButton) return;
    event.stopImmediatePropagation();
    if (onButton) return;
    event.preventDefault();
    const does = DOES[event.key.toLowerCase()];
    if (does && !event.repeat) act(does);
  }
  model.on("change:page", update);
  const unwatch = watchKernel(model, el, lost);
  window.addEventListener("keydown", press, true);
  update();
  // Known once it is in the page; what is right around it may be replaced together with it.
  let around = null;
  root.addEventListener("focusin", () => {
    around = el.closest(".jp-Cell[tabindex]") ?? el.closest("[tabindex]");
  });
  return () => {
    clearTimeout(waiting);
    window.removeEventListener("keydown", press, true);
    model.off("change:page", update);
    unwatch();
    // Where the ranking takes the widget's place, the focus stays near it.
    if (document.activeElement === document.body || root.contains(document.activeElement)) around?.focus();
  };
}

export default { render };
