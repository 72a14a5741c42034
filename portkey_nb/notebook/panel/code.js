// The panel's present state as a cell and as Python, to be copied.
function codeText(shared, title, name) {
  const box = make("div", "pk-code-part");
  const head = make("div", "pk-code-head");
  const label = make("span", "pk-code-title", title, { id: fresh("code") });
  const text = make("pre", "pk-code-text", "", { tabindex: "0", role: "region", "aria-labelledby": label.id });
  head.append(label, textButton(name, (button) => shared.copy(text.textContent, button)));
  box.append(head, text);
  return { box, text };
}

// codeRegion(shared) -> { node, open(code, from), close() }
function codeRegion(shared) {
  const node = make("section", "pk-code", "", { role: "dialog", "aria-label": "As code" });
  const head = make("div", "pk-code-head");
  const title = make("strong", "", "This conversation as code");
  const cell = codeText(shared, "As a cell", "Copy the cell");
  const python = codeText(shared, "As Python", "Copy the Python");
  const note = make("p", "pk-code-note");
  const shut = textButton("Close", () => close());
  head.append(title, shut);
  const parts = make("div", "pk-code-parts");
  parts.append(cell.box, python.box);
  node.append(head, note, parts);
  show(node, false);
  let from = null;

  function close() {
    if (node.hidden) return;
    const focused = node.contains(document.activeElement);
    show(node, false);
    from?.setAttribute("aria-expanded", "false");
    if (focused) from?.focus();
  }
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    close();
  });
  return {
    node,
    close,
    open(code, button) {
      from = button;
      say(cell.text, code.cell ?? "");
      say(python.text, code.python ?? "");
      sayWords(note, code.note ?? "");
      show(note, Boolean(code.note));
      show(node, true);
      from.setAttribute("aria-expanded", "true");
      cell.text.focus();
      node.scrollIntoView({ block: "nearest" });
    },
  };
}
