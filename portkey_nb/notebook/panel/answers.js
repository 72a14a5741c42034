// Answers of a message: one, or several side by side, static or growing.
const HAS_MATH = /\$|\\[([]|\\begin\{/;
const DECORATE_MS = 400;
const CUT_OFF = "stopped: the kernel was restarted or is gone";

// Blocks that will not change any more: all where the answer has ended, else all but the last on each level.
function closedBlocks(body, ended, found = []) {
  const blocks = [...body.children].filter((one) => !one.classList.contains("pk-tail"));
  const last = ended ? null : blocks.pop();
  found.push(...blocks);
  if (last && /^(UL|OL|LI|BLOCKQUOTE)$/.test(last.tagName)) closedBlocks(last, false, found);
  return found;
}

function addCopyButton(pre, shared) {
  if (pre.parentElement.classList.contains("pk-block")) return;
  const block = make("div", "pk-block");
  pre.replaceWith(block);
  const copy = iconButton("copy", "Copy code", (one) => shared.copy(pre.textContent.replace(/\n$/, ""), one), "pk-tool pk-copy-code");
  block.append(pre, copy);
}

// Code that still grows, on the way to where it grows: it is reached by key as well as soon as it scrolls sideways.
function reachGrowing(body) {
  let last = body;
  while (last && last.tagName !== "PRE") {
    const all = [...last.children].filter((one) => !one.classList.contains("pk-tail"));
    last = all[all.length - 1];
  }
  if (last && last.tabIndex < 0 && last.scrollWidth > last.clientWidth + 1) last.tabIndex = 0;
}

function scrollers(block) {
  const inner = [...block.querySelectorAll("pre, [style*=overflow-x]")];
  return block.matches("pre, [style*=overflow-x]") ? [block, ...inner] : inner;
}

// What is near to be seen: formulas get their looks, and what scrolls sideways can be reached by key.
function decorateSeen(model, block) {
  if (HAS_MATH.test(block.textContent)) typeset(model, block);
  for (const one of scrollers(block)) if (one.scrollWidth > one.clientWidth + 1) one.tabIndex = 0;
}

// decorator(body, shared): gives code its button, and has the rest done once it is near what is seen.
function decorator(body, shared) {
  const done = new WeakSet();
  let timer = null;
  function run(ended) {
    clearTimeout(timer);
    timer = null;
    if (!ended) reachGrowing(body);
    for (const block of closedBlocks(body, ended)) {
      if (done.has(block)) continue;
      done.add(block);
      const codes = block.tagName === "PRE" ? [block] : block.querySelectorAll("pre");
      codes.forEach((pre) => addCopyButton(pre, shared));
      if (codes.length || scrollers(block).length || HAS_MATH.test(block.textContent)) shared.whenSeen(block);
    }
  }
  return {
    now: () => run(true),
    soon: () => {
      timer ??= setTimeout(() => run(false), DECORATE_MS);
    },
    stop: () => clearTimeout(timer),
  };
}

function ratingButtons(column, shared) {
  const rate = (value) => () => shared.ask({ do: "rate", id: column().id, value: column().rating === value ? 0 : value });
  return [iconButton("good", "Good answer", rate(1)), iconButton("bad", "Bad answer", rate(-1))];
}

// The opinion stands beside the name as well, where it is seen without the tools.
function ratingMark() {
  const box = make("span", "pk-rated", "", { role: "img" });
  show(box, false);
  return box;
}

function markRating(bar, mark, rating) {
  show(mark, Boolean(rating));
  const words = rating > 0 ? "rated good" : "rated bad";
  if (rating && mark.title !== words) {
    mark.title = words;
    mark.setAttribute("aria-label", words);
    mark.replaceChildren(icon(rating > 0 ? "good" : "bad"));
  }
  for (const [name, value] of [["good", 1], ["bad", -1]]) {
    bar.querySelector(`[data-does=${name}]`)?.setAttribute("aria-pressed", String(rating === value));
  }
}

// The tools of an answer; of several, each has its own below it, and "Continue with this" where it was not chosen.
function answerTools(column, shared, ask) {
  const can = column().can ?? [];
  const tools = [];
  if (can.includes("copy")) tools.push(iconButton("copy", "Copy", (one) => shared.copySource(column().id, one)));
  if (can.includes("retry")) {
    tools.push(iconButton("retry", "Retry", () => shared.begin({ do: "retry", id: column().id })));
  }
  if (can.includes("retry_with")) {
    tools.push(iconButton("retry_with", "Retry with another model", (one) => ask(column().id, one)));
  }
  if (can.includes("rate")) tools.push(...ratingButtons(column, shared));
  if (can.includes("choose") && !column().chosen) {
    const choose = textButton("Continue with this", () => shared.ask({ do: "choose", id: column().id }), "pk-button pk-choose");
    choose.dataset.does = "choose";
    tools.push(choose);
  }
  return tools;
}

// answerView(shared, ask) -> { node, update(column, several), tick(), stop() }
function answerView(shared, ask) {
  const node = make("div", "pk-answer");
  const label = make("div", "pk-label");
  const name = make("span", "pk-label-name");
  const mark = ratingMark();
  const chosen = make("span", "pk-chosen", "chosen");
  label.append(name, mark, chosen);
  const body = make("div", "pk-said jp-RenderedHTMLCommon");
  const fault = make("div", "pk-fault");
  const foot = make("div", "pk-foot");
  const bar = make("div", "pk-tools", "", { role: "toolbar" });
  const settleStops = rove(bar);
  node.append(label, body, fault, foot, bar);
  const decorate = decorator(body, shared);
  let column = null;
  let growing = null;
  let log = null;
  let applied = 0;
  let html = null;
  let toolKey = "";

  function restart() {
    body.replaceChildren();
    growing = growingColumn(body, foot);
    log = column.log;
    applied = 0;
  }
  function grow() {
    if (log !== column.log || !growing) restart();
    const changes = log.slice(applied);
    applied = log.length;
    if (!changes.length) return;
    changes.forEach((one) => growing.apply(one));
    if (growing.done()) decorate.now();
    else decorate.soon();
  }
  function fill() {
    if (column.html === html && !growing) return;
    html = column.html;
    growing = null;
    log = null;
    body.removeAttribute("aria-busy");
    body.innerHTML = html;
    decorate.now();
  }
  function tools(several) {
    const key = several ? JSON.stringify([column.can, column.chosen]) : "";
    if (key === toolKey) return;
    toolKey = key;
    shared.keepFocus(bar, () => bar.replaceChildren(...(several ? answerTools(() => column, shared, ask) : [])));
    settleStops();
  }
  return {
    node,
    update(given, several) {
      column = given;
      if (node.dataset.id !== column.id) node.dataset.id = column.id;
      node.classList.toggle("pk-is-chosen", several && column.chosen);
      node.classList.toggle("pk-is-live", column.state === "live");
      say(name, column.label ?? "");
      show(label, several);
      show(chosen, several && column.chosen);
      if (several) node.setAttribute("role", "group");
      else node.removeAttribute("role");
      if (several) node.setAttribute("aria-label", `Answer of ${column.label ?? "the model"}`);
      else node.removeAttribute("aria-label");
      const grown = column.log !== undefined;
      if (grown) grow();
      else fill();
      const error = column.error ?? "";
      if (fault.dataset.html !== error) {
        fault.dataset.html = error;
        fault.innerHTML = error;
      }
      show(fault, error !== "");
      if (column.state === "live") show(foot, true);
      else {
        if (growing && !growing.done()) growing.apply({ d: 1 });
        say(foot, column.footer ?? "");
        show(foot, several || Boolean(column.footer));
        if (grown) decorate.now();
      }
      bar.setAttribute("aria-label", `Actions on the answer of ${column.label ?? "the model"}`);
      show(bar, several);
      tools(several);
      markRating(bar, mark, column.rating);
    },
    tick(now) {
      if (growing && column.state === "live") growing.tick(Math.max(0, (now - column.begun) / 1000));
    },
    lost() {
      if (!growing || column.state !== "live") return;
      const tail = body.querySelector(".pk-tail");
      tail?.classList.add("pk-cut");
      tail?.removeAttribute("aria-hidden");
      body.setAttribute("aria-busy", "false");
      say(foot, CUT_OFF);
    },
    stop: decorate.stop,
  };
}
