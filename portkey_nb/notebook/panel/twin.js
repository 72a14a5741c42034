// The static twin below the widget: hidden while the widget lives, and written by the kernel whenever it rests.

// Its formulas are typeset when it is seen. What is marked so MathJax leaves out (its option ignoreHtmlClass).
const UNTYPESET = "mathjax_ignore";

function hiddenTwin(root, model) {
  let found = null;
  return {
    spare() {
      if (found?.isConnected) return;
      const below = root.closest(".jp-OutputArea-child")?.nextElementSibling;
      found = below?.querySelector(".pk-twin")?.closest(".jp-RenderedHTML") ?? null;
      found?.classList.add(UNTYPESET);
    },
    stop() {
      if (!found?.isConnected) return;
      found.classList.remove(UNTYPESET);
      typeset(model, found);
    },
  };
}

// A page that was loaded again does not know the kernel's displays any more (JupyterLab keeps their ids in the page alone):
// what the kernel writes does not reach the notebook there. Such a page asks for the newest form, and puts it into the
// notebook's model itself, so that it is saved with it.
const TWIN_MS = 1000;

// twinOutputs(model, ask) -> { told(place), put(form), stop() }
//   place   { name, at }: whose twin, and the number of its newest form; a form has "data", a mime bundle, besides
//   ask()   asks the kernel for that form, which comes by put()
function twinOutputs(model, ask) {
  let timer = null;
  // Elsewhere than in JupyterLab and Notebook 7 there is no such model.
  function* older({ name, at }) {
    for (const cell of model.widget_manager?.context?.model?.cells ?? []) {
      for (let n = 0; n < (cell.outputs?.length ?? 0); n += 1) {
        const html = [cell.outputs.get(n).data?.["text/html"] ?? ""].flat().join("");
        const begin = `<div class="pk-twin" data-panel="${name}" data-at="`;
        if (html.startsWith(begin) && parseInt(html.slice(begin.length), 10) < at) yield [cell.outputs, n];
      }
    }
  }
  return {
    told(place) {
      clearTimeout(timer);
      if (!place?.name) return;
      // Where the kernel's displays are known, its form is there by then.
      timer = setTimeout(() => older(place).next().done || ask(), TWIN_MS);
    },
    put(form) {
      for (const [outputs, n] of [...older(form)]) {
        outputs.set(n, { output_type: "display_data", data: form.data, metadata: {} });
      }
    },
    stop: () => clearTimeout(timer),
  };
}
