// typeset(model, node): typeset the formulas in an element that is in the page; formulas that are typeset stay as they are.
// JupyterLab gives its typesetter to outputs alone, not to what a widget shows; other front ends have a MathJax of the page.
function typeset(model, node) {
  const manager = model.widget_manager;
  const latex = (manager?.rendermime ?? manager?._rendermime)?.latexTypesetter;
  try {
    if (latex) latex.typeset(node);
    else if (window.MathJax?.typesetPromise) window.MathJax.typesetPromise([node]).catch(() => {});
    else window.MathJax?.Hub?.Queue(["Typeset", window.MathJax.Hub, node]);
  } catch {
    // Formulas stay as they were written.
  }
}
