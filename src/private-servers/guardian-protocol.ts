/** The messages between parent and guardian. */
import type { ProcessSpec } from './process-spec.ts';

/** The guardian's only argument, as JSON. */
export interface GuardianOptions {
  readonly directory: string;
  /** False: the directory is removed at the end. */
  readonly keepFiles: boolean;
}

/** Parent to guardian. Each order gets one report with the same id. */
export type GuardianOrder = { readonly id: number } & (
  | { readonly kind: 'start'; readonly spec: ProcessSpec }
  /** Restarts an ended process with the same description. */
  | { readonly kind: 'restart'; readonly name: string }
  | { readonly kind: 'signal'; readonly name: string; readonly signal: NodeJS.Signals }
  /** From now on, start this process again if it ends without an order. */
  | { readonly kind: 'watch'; readonly name: string }
  /** Also remove this directory, which is outside the guarded one, at the end. */
  | { readonly kind: 'adopt'; readonly directory: string }
  /**
   * Publishes the instance to other processes in its state file. If it is not attached to a command, the
   * guardian from now on outlives its parent and ends on SIGTERM.
   */
  | { readonly kind: 'announce'; readonly announcement: Announcement }
  /** The parent no longer needs the servers. Done: guests still do. Otherwise the guardian stops and exits. */
  | { readonly kind: 'leave' }
  | { readonly kind: 'stop' }
);

/** Guardian to parent. */
export type GuardianReport =
  | { readonly kind: 'guarding' }
  /** Another guardian has the directory; this one exits. */
  | { readonly kind: 'taken'; readonly holderPid: number }
  /** It cannot guard, and exits. */
  | { readonly kind: 'unable'; readonly reason: string }
  | { readonly kind: 'done'; readonly id: number }
  | { readonly kind: 'failed'; readonly id: number; readonly reason: string }
  | { readonly kind: 'exited'; readonly name: string; readonly outcome: string }
  /** A sentence for the person who started the servers. */
  | { readonly kind: 'notice'; readonly sentence: string };

/** The URLs of an instance's servers. */
export interface ServersEnv {
  readonly RABBITMQ_URL: string;
  readonly REDIS_URL: string;
  readonly DATABASE_URL: string;
}

export interface Announcement {
  readonly env: ServersEnv;
  /** The pid of a command that uses the servers, which end with the last such command; null when they outlive it. */
  readonly attachedTo: number | null;
}
