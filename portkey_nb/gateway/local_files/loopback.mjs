// Loaded before the Portkey gateway: it may listen on 127.0.0.1 alone, and ends with the process that started it.
// The gateway has no option for its host and would listen on every interface, with no login.
import net from "node:net";

const HOST = "127.0.0.1";
const listen = net.Server.prototype.listen;

// All forms of server.listen() (nodejs.org/api/net.html), brought into the one that names a host:
// (port, host, backlog, callback) with each but the port left out, (options, callback), (path, ...), (handle, ...).
function onLoopback(given) {
  const callback = typeof given.at(-1) === "function" ? [given.at(-1)] : [];
  const [first, ...rest] = given;
  if (typeof first === "object" && first !== null) {
    if (typeof first.path === "string") return given;
    if ("fd" in first || "_handle" in first || "handle" in first || first instanceof net.Server) {
      throw new Error("portkey_nb: the gateway may listen on a port of 127.0.0.1 alone");
    }
    return [{ ...first, host: HOST, ipv6Only: false }, ...callback];
  }
  if (typeof first === "string" && !(Number(first) >= 0)) return given;
  const port = typeof first === "function" || first === undefined || first === null ? 0 : Number(first);
  const backlog = rest.find((one) => typeof one === "number");
  return [{ port, host: HOST, ...(backlog === undefined ? {} : { backlog }) }, ...callback];
}

net.Server.prototype.listen = function (...given) {
  this.once("listening", () => {
    const address = this.address();
    if (address && typeof address === "object") {
      process.stdout.write(`\nportkey_nb: listening on ${address.address}:${address.port}\n`);
    }
  });
  return listen.apply(this, onLoopback(given));
};

// The starter holds the other end of standard input; the operating system closes it when the starter is gone,
// however it went.
process.stdin.on("close", () => process.exit(0));
process.stdin.on("error", () => process.exit(0));
process.stdin.resume();
