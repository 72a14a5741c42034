// watchKernel(model, el, lost) -> function that ends the watching.
//   lost() is called when the kernel of a widget has died, was restarted, or is no longer connected; el is the widget's
//   element. It may be called more than once.
// A widget hears of a restart alone, and the model that it is given does not tell whether it is live.
const DEAD = ["autorestarting", "dead", "restarting", "terminating"];

function watchKernel(model, el, lost) {
  const kernel = model.widget_manager?.kernel;
  const status = (_, now) => {
    if (DEAD.includes(now)) lost();
  };
  const disconnected = () => {
    setTimeout(() => {
      if (el.closest(".jupyter-widgets-disconnected")) lost();
    });
  };
  const disposed = () => lost();
  model.on("comm_live_update", disconnected);
  kernel?.statusChanged?.connect(status);
  kernel?.disposed?.connect(disposed);
  return () => {
    model.off("comm_live_update", disconnected);
    kernel?.statusChanged?.disconnect(status);
    kernel?.disposed?.disconnect(disposed);
  };
}

// Whether a kernel is there to which the widget is connected, as far as its element tells, which may come to be known late.
function hasKernel(model, el) {
  return Boolean(model.widget_manager?.kernel) && !el.closest(".jupyter-widgets-disconnected");
}
