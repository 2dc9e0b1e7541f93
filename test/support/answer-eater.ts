/** A TCP cable that can pass on what is asked and keep the answers: the fault after which nobody knows. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface AnswerEater {
  readonly url: string;
  /** Until the cut the server hears its clients, new ones too, and they hear nothing. */
  eatAnswers(): void;
  /** Cuts every connection; new ones are whole again. */
  cut(): void;
  close(): Promise<void>;
}

export async function startAnswerEater(serverUrl: string): Promise<AnswerEater> {
  const target = new URL(serverUrl);
  const sockets = new Set<Socket>();
  let eating = false;
  const listener = createServer((client) => {
    const server = connect({ host: target.hostname, port: Number(target.port) });
    client.pipe(server);
    server.on('data', (bytes) => {
      if (!eating) client.write(bytes);
    });
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        other.destroy();
        sockets.delete(one);
      });
    }
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const url = new URL(serverUrl);
  url.port = String((listener.address() as AddressInfo).port);
  const cut = (): void => {
    eating = false;
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: url.href,
    eatAnswers() {
      eating = true;
    },
    cut,
    async close() {
      cut();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}
