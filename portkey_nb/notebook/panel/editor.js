// The editor that stands in a message's place, or below it for a new one.
const EDITOR_ROLES = ["user", "assistant", "system"];

const ORPHANED = "This message was changed elsewhere meanwhile; what you typed stays here to be copied.";

// messageEditor(shared, given, close) -> { node, given, changed(), update(), focus(), orphan() }
//   given  {id, role, text} of a message to be edited, or {after, role} of one to be added
//   close  takes the editor away, and with true sees to it that the focus goes somewhere
function messageEditor(shared, given, close) {
  const node = make("form", "pk-editor", "", { "aria-label": given.id ? "Edit the message" : "Add a message" });
  const roleLabel = make("label", "pk-editor-role", "Role ");
  const role = make("select", "pk-field", "", { "aria-label": "Role" });
  const roles = EDITOR_ROLES.includes(given.role) ? EDITOR_ROLES : [given.role, ...EDITOR_ROLES];
  for (const name of roles) role.append(make("option", "", name, { value: name }));
  role.value = given.role;
  roleLabel.append(role);
  const text = make("textarea", "pk-field pk-editor-text", "", { "aria-label": "Text", rows: "3" });
  text.value = given.text ?? "";
  const growText = growingField(text, 14);
  const save = textButton("Save", () => go(false));
  const saveAndSend = textButton("Save and send", () => go(true), "pk-button pk-primary");
  const cancel = textButton("Cancel", () => close(true));
  const line = make("div", "pk-editor-bar");
  const hint = make("span", "pk-hint", "Ctrl+Enter saves, Esc cancels");
  line.append(saveAndSend, save, cancel, hint);
  const over = make("div", "pk-editor-note", "", { role: "alert" });
  node.append(roleLabel, text, over, line);
  let saving = false;
  let orphaned = false;

  const changed = () => text.value !== (given.text ?? "") || role.value !== given.role;
  function update() {
    // A message is added without a request; sending goes on from a user's message that was edited.
    show(saveAndSend, role.value === "user" && Boolean(given.id));
    const off = saving || orphaned || shared.busy() || shared.gone() || !/\S/.test(text.value);
    setOff(save, off);
    setOff(saveAndSend, off);
    text.readOnly = saving || orphaned || shared.gone();
    growText();
  }
  const ends = {
    done: () => close(node.contains(document.activeElement)),
    refused(why) {
      saving = false;
      if (why) say(over, orphaned ? `${why} ${ORPHANED}` : why);
      update();
    },
  };
  function go(send) {
    if (shared.busy() && !saving && !orphaned) return shared.inform(UNDER_WAY);
    if (isOff(send ? saveAndSend : save)) return;
    if (!changed() && !send && given.id) return close(true);
    if (tooLong(text.value)) return say(over, longText(text.value));
    saving = true;
    say(over, "");
    update();
    const said = { role: role.value, text: text.value };
    const command = given.id ? { do: "edit", id: given.id, ...said, send } : { do: "add", after: given.after ?? null, ...said };
    if (!(send ? shared.begin(command, ends) : shared.ask(command, ends))) ends.refused("");
  }
  role.addEventListener("change", update);
  text.addEventListener("input", update);
  node.addEventListener("submit", (event) => event.preventDefault());
  node.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Escape") {
      event.stopPropagation();
      close(true);
    } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      go(false);
    }
  });
  return {
    node,
    given,
    changed,
    update,
    focus() {
      update();
      text.focus({ preventScroll: true });
      text.setSelectionRange(text.value.length, text.value.length);
      node.scrollIntoView({ block: "nearest" });
    },
    // The message has gone from the conversation by other hands: what was typed stays to be copied.
    orphan() {
      orphaned = true;
      update();
      if (!saving) say(over, ORPHANED);
    },
  };
}
