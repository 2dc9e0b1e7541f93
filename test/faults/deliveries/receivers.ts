/** The receivers of a round: each verifies what it gets with the public package, and answers by its conduct. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Webhook } from 'standardwebhooks';
import type { Random } from '../../../src/populate/random.ts';
import { freePort } from '../../../src/private-servers/free-port.ts';
import { between, pick } from '../fault.ts';
import type { Conduct, EndpointPlan } from './delivery-plan.ts';
import { ALLOWED_ADDRESS, TRAP_ADDRESS } from './names.ts';

export interface Received {
  readonly endpoint: string;
  /** Milliseconds since 1970. */
  readonly atMs: number;
  readonly webhookId: string;
  readonly timestampSec: number;
  readonly body: string;
  readonly signatureCount: number;
  /** Which of the endpoint's secrets verify it, by their places. */
  readonly verifiedBy: readonly number[];
  readonly mood: string;
  /** What it was answered with; undefined: nothing that is HTTP. */
  status: number | undefined;
}

/** What all receivers do for a while, except the one that is well. */
export type Weather = 'calm' | 'down' | 'failing' | 'hanging' | 'answers-lost';

export interface Receivers {
  weather: Weather;
  readonly received: readonly Received[];
  /** Webhooks that the weather has harmed. */
  readonly harmedCount: number;
  /** Connections to addresses that no webhook may reach. */
  readonly trappedCount: number;
  urlOf(endpoint: EndpointPlan): string;
  /** All are well from now on; what still hangs is cut off if `cutHanging`. */
  calm(cutHanging: boolean): void;
  close(): Promise<void>;
}

type Answer = (response: ServerResponse, random: Random, trapUrl: string) => number | undefined;

const HUGE = Buffer.alloc(256 * 1024, 'x');

const MOODS: Readonly<Record<string, Answer>> = {
  failing: (response) => status(response, 500, 'no \u0007 thanks'),
  busy: (response) => status(response, 503, '', { 'retry-after': '1' }),
  slow(response, random) {
    void delay(between(200, 1_000, random)).then(() => status(response, 200));
    return 200;
  },
  hanging: () => undefined,
  truncated(response) {
    response.socket?.end('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nshort');
    return 200;
  },
  huge(response) {
    response.on('error', () => undefined).writeHead(200);
    for (let part = 0; part < 8; part++) response.write(HUGE);
    response.end();
    return 200;
  },
  garbage(response) {
    response.socket?.end('220 mail.example.com ESMTP\r\n');
    return undefined;
  },
  redirecting: (response, _random, trapUrl) => status(response, 307, '', { location: trapUrl }),
  resetting(response) {
    response.socket?.resetAndDestroy();
    return undefined;
  },
};

/** In percent. */
const MOOD_SHARES: Record<Conduct, number> = {
  well: 0,
  steady: 8,
  moody: 40,
  leaving: 10,
  trap: 0,
};
const GONE_AFTER = { least: 5, most: 12 };

export async function startReceivers(
  endpoints: readonly EndpointPlan[],
  randomOf: (place: number) => Random,
): Promise<Receivers> {
  const state = { weather: 'calm' as Weather, isCalm: false, harmedCount: 0, trappedCount: 0 };
  const received: Received[] = [];
  const hanging = new Set<Socket>();
  const closes: (() => Promise<void>)[] = [];
  const spring = (socket: Socket) => {
    state.trappedCount += 1;
    socket.destroy();
  };
  const redirectTrap = await listen(createTcpServer(spring), ALLOWED_ADDRESS, closes);
  const trapUrl = `http://${ALLOWED_ADDRESS}:${redirectTrap}/trap`;
  const ports = new Map<string, number>();

  for (const [place, endpoint] of endpoints.entries()) {
    if (endpoint.conduct === 'trap') {
      const port = await listen(createTcpServer(spring), TRAP_ADDRESS, closes, await freePort());
      await listen(createTcpServer(spring), ALLOWED_ADDRESS, closes, port);
      ports.set(endpoint.id, port);
      continue;
    }
    const random = randomOf(place);
    const answer = chooseAnswer(endpoint.conduct, random, state);
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('error', () => undefined);
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks).toString();
        const mood = answer();
        const one = {
          ...read(endpoint, request.headers, body),
          mood,
          status: undefined,
        } as Received;
        received.push(one);
        one.status = MOODS[mood]?.(response, random, trapUrl) ?? plainStatus(mood, response);
        if (mood === 'hanging' && response.socket !== null) hanging.add(response.socket);
      });
    });
    server.on('connection', (socket) => {
      if (state.weather !== 'down' || endpoint.conduct === 'well') return;
      state.harmedCount += 1;
      socket.resetAndDestroy();
    });
    const port = await listen(server, ALLOWED_ADDRESS, closes, await freePort());
    ports.set(endpoint.id, port);
    if (endpoint.host !== ALLOWED_ADDRESS) {
      await listen(createTcpServer(spring), TRAP_ADDRESS, closes, port);
    }
  }
  return {
    received,
    get weather() {
      return state.weather;
    },
    set weather(weather) {
      state.weather = weather;
    },
    get harmedCount() {
      return state.harmedCount;
    },
    get trappedCount() {
      return state.trappedCount;
    },
    urlOf: ({ id, host }) => `http://${host}:${ports.get(id) ?? 0}/${id}`,
    calm(cutHanging) {
      Object.assign(state, { weather: 'calm', isCalm: true });
      if (cutHanging) for (const socket of hanging) socket.destroy();
    },
    async close() {
      await Promise.all(closes.map((close) => close()));
    },
  };
}

interface ReceiverState {
  readonly weather: Weather;
  readonly isCalm: boolean;
  harmedCount: number;
}

const WEATHER_MOODS: Partial<Record<Weather, string>> = {
  failing: 'failing',
  hanging: 'hanging',
  'answers-lost': 'resetting',
};

/** @returns What names the mood of the next answer. */
function chooseAnswer(conduct: Conduct, random: Random, state: ReceiverState): () => string {
  let left = conduct === 'leaving' ? between(GONE_AFTER.least, GONE_AFTER.most, random) : Infinity;
  return () => {
    if (left <= 0) return 'gone';
    const weathered = conduct === 'well' ? undefined : WEATHER_MOODS[state.weather];
    if (weathered !== undefined) {
      state.harmedCount += 1;
      return weathered;
    }
    if (!state.isCalm && random.below(100) < MOOD_SHARES[conduct]) {
      return pick(Object.keys(MOODS), random);
    }
    left -= 1;
    return 'well';
  };
}

function plainStatus(mood: string, response: ServerResponse): number | undefined {
  if (mood === 'well') return status(response, 204);
  return mood === 'gone' ? status(response, 410) : undefined;
}

function status(
  response: ServerResponse,
  code: number,
  text = '',
  headers: Readonly<Record<string, string>> = {},
): number {
  response.writeHead(code, headers).end(text);
  return code;
}

function read({ id, secrets }: EndpointPlan, headers: IncomingHttpHeaders, body: string) {
  const text = (name: string) => String(headers[name] ?? '');
  const signed = {
    'webhook-id': text('webhook-id'),
    'webhook-timestamp': text('webhook-timestamp'),
    'webhook-signature': text('webhook-signature'),
  };
  return {
    endpoint: id,
    atMs: Date.now(),
    webhookId: signed['webhook-id'],
    timestampSec: Number(signed['webhook-timestamp']),
    body,
    signatureCount: signed['webhook-signature'].split(' ').length,
    verifiedBy: secrets.flatMap((secret, place) => (verifies(secret, body, signed) ? [place] : [])),
  };
}

function verifies(secret: string, body: string, headers: Record<string, string>): boolean {
  try {
    new Webhook(secret).verify(body, headers);
    return true;
  } catch {
    return false;
  }
}

async function listen(
  server: ReturnType<typeof createTcpServer>,
  host: string,
  closes: (() => Promise<void>)[],
  port = 0,
): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    socket.on('error', () => undefined);
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(port, host).unref();
  await once(server, 'listening');
  closes.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}
