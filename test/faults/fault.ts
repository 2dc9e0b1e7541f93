/** What a fault is, and what it acts on. */
import type { Pool } from 'pg';
import type { Random } from '../../src/populate/random.ts';
import type { TcpProxy } from '../support/tcp-proxy.ts';
import type { Env, KeptWorker, PulseChild } from './pulse-child.ts';
import type { Installation, TestServers } from './test-servers.ts';

/** One process's connections to the three servers. */
export interface Proxies {
  readonly rabbitmq: TcpProxy;
  readonly redis: TcpProxy;
  readonly postgres: TcpProxy;
}

/** A worker and its connections. */
export interface Seat {
  readonly worker: KeptWorker;
  readonly proxies: Proxies;
}

/** Another process next to the workers. It is gone at the end of the round. */
export interface Extra {
  readonly child: PulseChild;
  readonly proxies: Proxies;
}

export interface Scene {
  readonly random: Random;
  readonly servers: TestServers;
  readonly installation: Installation;
  readonly shards: number;
  readonly seats: readonly Seat[];
  /** The worker that this fault may harm. A fault with `firstEnv` does not share it with other faults. */
  readonly seat: Seat;
  readonly producerProxy: TcpProxy;
  readonly admin: Pool;
  /** How long a suspended process stays suspended. */
  readonly stopMs: number;
  readonly startPulse: (args: readonly string[], env?: Env) => Promise<Extra>;
  /** Pulses that others published: at least `least` confirmed, at most `most` sent. */
  readonly foreign: { least: number; most: number };
  /** Holds the milliseconds by which the clock of the workers is shifted; see clock-shift.ts. */
  readonly clockFile: string;
}

export interface Fault {
  readonly name: string;
  readonly about: string;
  /** The least number of workers that it needs. */
  readonly workers?: number;
  readonly threads?: number;
  /** Environment for the first process of a worker that this fault does not share. */
  readonly firstEnv?: (random: Random) => Env;
  /** The workers' wall clock follows `clockFile`. */
  readonly shiftedClock?: true;
  /** Needs dedicated servers with small disks. */
  readonly smallDisks?: true;
  /** Starts together with the workers, not some time later. */
  readonly atOnce?: true;
  /** Does the harm and undoes it. Resolves with an observation worth reporting, if there is one. */
  readonly inject: (scene: Scene) => Promise<string | undefined>;
}

/** This machine does not support the fault. */
export class NotPossibleError extends Error {}

export function pick<T>(values: readonly T[], random: Random): T {
  return values[random.below(values.length)]!;
}

export function between(least: number, most: number, random: Random): number {
  return least + random.below(most - least + 1);
}
