// The connection to the server. It comes back by itself after the server was restarted.

export class Link {
  constructor(hello, onMessage, onPixels, onState) {
    Object.assign(this, { hello, onMessage, onPixels, onState });
    this.wait = 250;
    this.open();
  }

  open() {
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/pixels`);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    socket.onopen = () => {
      this.wait = 250;
      this.onState(true);
      this.send(this.hello());
    };
    socket.onmessage = ({ data }) => {
      if (typeof data === "string") this.onMessage(JSON.parse(data));
      else this.take(data);
    };
    socket.onclose = (event) => {
      this.onState(false, event.reason);
      setTimeout(() => this.open(), this.wait);
      this.wait = Math.min(2 * this.wait, 4000);
    };
  }

  // a part of a picture: the length of its head, the head as JSON, then RGBA. The server sends the next ones when it
  // knows that this one was taken in, so that nothing piles up before what a move asks for.
  take(data) {
    const length = new DataView(data).getUint32(0, true);
    const head = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
    const first = 4 + length + ((4 - (length % 4)) % 4);
    this.onPixels(head, new Uint32Array(data, first));
    this.send({ type: "painted" });
  }

  send(message) {
    if (this.socket.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }
}
