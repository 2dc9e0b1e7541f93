/**
 * The simulated machine room: processes that can be killed or stopped, and pipes between them.
 *
 * Everything that happens is a task of fast-check's scheduler, which draws the order. Between two tasks, all code
 * of all processes runs until it waits, so a crash between two tasks is a crash at an await.
 */
import type { Scheduler } from 'fast-check';
import { VirtualClock } from './virtual-clock.ts';

/** 2026-11-22T04:10:00Z, the wall clock at the start of every run. */
export const WALL_START_MS = Date.UTC(2026, 10, 22, 4, 10);

/** A broken guarantee, in contrast to an error of the test itself. */
export class Violation extends Error {
  override name = 'Violation';
}

/** What may happen in a run, and must happen in every series of runs. */
export const CIRCUMSTANCES = [
  'process killed with requests on their way',
  'delivered again',
  'acknowledgement lost',
  'duplicate refused',
  'append done, answer lost',
  'append done after it was given up',
  'journal full',
  'lease held by another',
  'lease taken over after it ended',
  'commit done, answer lost',
  'commit done after it was given up',
  'commit without the lease refused',
  'commit at another position refused',
  'round committed again',
  'batch sealed under a round',
  'memory kept under a new lease',
  'open round kept under a new lease',
  'memory outdated under a new lease',
  'ids of a closed generation stored',
  'id found in a closed generation',
  'seal done, answer lost',
  'row repeated by the scan',
  'batch locked by another flusher',
  'waited for another flusher’s ledger row',
  'batch found in the ledger',
  'connection lost in COPY',
  'COMMIT done, answer lost',
  'dead letter came twice',
  'dead letter refused',
  'acknowledged past a held delivery',
  'books balanced amid faults',
] as const;

export type Circumstance = (typeof CIRCUMSTANCES)[number];

export class World {
  readonly clock: VirtualClock;
  readonly processes: SimProcess[] = [];
  /** How often each circumstance occurred, so that a test can tell whether it was covered. */
  readonly met = new Map<Circumstance, number>();
  readonly #scheduler: Scheduler;
  #failure: Error | undefined;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
    this.clock = new VirtualClock((label, run) => {
      this.task(label, run);
    }, WALL_START_MS);
  }

  /** Schedules something for later; the scheduler draws the order. */
  task(label: string, run: () => void): void {
    void this.#scheduler.schedule(Promise.resolve(), label).then(() => {
      this.clock.forgetPatience();
      try {
        run();
      } catch (error) {
        this.fail(error);
      }
    });
  }

  meet(circumstance: Circumstance): void {
    this.met.set(circumstance, (this.met.get(circumstance) ?? 0) + 1);
  }

  /** Ends the run: `check` throws the error after the current task. */
  fail(error: unknown): void {
    this.#failure ??= error instanceof Error ? error : new Error('unknown', { cause: error });
  }

  violate(what: string): void {
    this.fail(new Violation(what));
  }

  /** @throws The first thing that went wrong. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  spawn(name: string): SimProcess {
    const process = new SimProcess(this, `${name}-${this.processes.length}`);
    this.processes.push(process);
    return process;
  }
}

/** One of our processes. Its code runs only inside `enter`. */
export class SimProcess {
  readonly name: string;
  readonly world: World;
  /** Whether its death loses the requests that were on their way. */
  requestsLost = false;
  readonly #onDeath: ((requestsLost: boolean) => void)[] = [];
  #state: 'running' | 'stopped' | 'dead' = 'running';
  #parked: (() => void)[] = [];

  constructor(world: World, name: string) {
    this.world = world;
    this.name = name;
  }

  get alive(): boolean {
    return this.#state !== 'dead';
  }

  /** Neither stopped nor dead. */
  get running(): boolean {
    return this.#state === 'running';
  }

  onDeath(listener: (requestsLost: boolean) => void): void {
    this.#onDeath.push(listener);
  }

  /** SIGKILL, or the end of main. */
  die(requestsLost: boolean): void {
    if (!this.alive) return;
    this.#state = 'dead';
    this.requestsLost = requestsLost;
    if (requestsLost) this.world.meet('process killed with requests on their way');
    for (const listener of this.#onDeath) listener(requestsLost);
  }

  /** SIGSTOP: nothing reaches it until it is resumed. */
  stop(): void {
    if (this.#state === 'running') this.#state = 'stopped';
  }

  /** SIGCONT. */
  resume(): void {
    if (this.#state !== 'stopped') return;
    this.#state = 'running';
    const parked = this.#parked;
    this.#parked = [];
    for (const run of parked)
      this.world.task(`${this.name} continues`, () => {
        this.enter(run);
      });
  }

  /** Runs code of this process: now, later if it is stopped, never if it is dead. */
  enter(run: () => void): void {
    if (this.#state === 'stopped') this.#parked.push(run);
    else if (this.#state === 'running') run();
  }

  /**
   * Sends one request to a server: the request arrives, then the answer, each after some time.
   *
   * @param fate `refused`: it never arrives. `unanswered`: it is executed and its answer is lost. `late`, `very late`: the
   * caller has given up before it arrives, and it is still executed.
   */
  ask<T>(
    label: string,
    serve: () => T | Promise<T>,
    { fate = 'answered', failure }: { fate?: Fate; failure: () => Error },
  ): Promise<T> {
    const { world, name } = this;
    return new Promise<T>((resolve, reject) => {
      const tell = (what: string, run: () => void): void => {
        world.task(`${name} ← ${label} ${what}`, this.enter.bind(this, run));
      };
      const lose = (): void => {
        tell(fate, () => {
          reject(failure());
        });
      };
      const arrive = (then: (value: T | Promise<T>) => void): void => {
        world.task(`${name} → ${label}`, () => {
          if (!this.alive && this.requestsLost) return;
          const value = serve();
          if (fate !== 'answered' || !this.alive) notice(world, label, fate);
          then(value);
        });
      };
      const send = (): void => {
        if (fate === 'refused') lose();
        else if (fate === 'very late') {
          lose();
          const { min, max } = VERY_LATE_MS;
          const afterMs = min + (max - min) * Math.random();
          world.clock.setTimeout(() => {
            arrive(() => undefined);
          }, afterMs);
        } else if (fate === 'late') {
          lose();
          arrive(() => undefined);
        } else {
          arrive((value) => {
            if (fate === 'unanswered') lose();
            else {
              tell('done', () => {
                resolve(value);
              });
            }
          });
        }
      };
      // Timers fire in stopped and dead processes too, but their code does not run.
      this.enter(send);
    });
  }
}

function notice(world: World, label: string, fate: Fate): void {
  if (label === 'redis seal') world.meet('seal done, answer lost');
  for (const call of ['append', 'commit'] as const) {
    if (label !== `redis ${call}`) continue;
    world.meet(
      fate === 'late' ? `${call} done after it was given up` : `${call} done, answer lost`,
    );
  }
}

export type Fate = 'answered' | 'refused' | 'unanswered' | 'late' | 'very late';

/** How long a request may be on its way: longer than several rounds of a fold, shorter or longer than a lease. */
const VERY_LATE_MS = { min: 500, max: 4_500 };

/** One direction of a connection: ordered, one message at a time, each some time after it was sent. */
export class Pipe {
  readonly #world: World;
  readonly #name: string;
  /** The process whose code it runs; undefined for a server's. */
  readonly #receiver: SimProcess | undefined;
  #queue: { label: string; run: () => void }[] = [];
  #offered = false;
  #ended = false;

  constructor(world: World, name: string, receiver?: SimProcess) {
    this.#world = world;
    this.#name = name;
    this.#receiver = receiver;
  }

  send(label: string, run: () => void): void {
    if (this.#ended) return;
    this.#queue.push({ label, run });
    this.#pump();
  }

  /**
   * Sends the last message. With `drop`, what is still on its way is lost.
   *
   * @returns What was lost.
   */
  end(label: string, run: () => void, drop: boolean): string[] {
    if (this.#ended) return [];
    const dropped = drop ? this.#queue : [];
    if (drop) this.#queue = [];
    this.send(label, run);
    this.#ended = true;
    return dropped.map((one) => one.label);
  }

  #pump(): void {
    const [head] = this.#queue;
    if (this.#offered || head === undefined) return;
    this.#offered = true;
    this.#world.task(`${this.#name} ${head.label}`, () => {
      if (this.#receiver === undefined) this.#arrive();
      else {
        this.#receiver.enter(() => {
          this.#arrive();
        });
      }
    });
  }

  #arrive(): void {
    this.#offered = false;
    const head = this.#queue.shift();
    try {
      head?.run();
    } finally {
      this.#pump();
    }
  }
}
