/** Plain descriptions of processes: what a server's file returns and what the guardian runs. */

/** One program and how to call it. Everything is explicit: nothing of the caller's environment leaks in. */
export interface CommandSpec {
  /** An absolute path. */
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Absent: the guardian's own user. */
  readonly user?: UserIds;
}

export interface UserIds {
  readonly uid: number;
  readonly gid: number;
}

/** A process that the guardian keeps, until it is told otherwise or its parent is gone. */
export interface ProcessSpec extends CommandSpec {
  /** Unique within the guardian; starting a name again replaces a process that has ended. */
  readonly name: string;
  /** Receives standard output and standard error, appended. */
  readonly logFile: string;
  /** Ends it in order, with its files synced; within 15 seconds, or it is killed. */
  readonly stopSignal: NodeJS.Signals;
  /** Ends it at once, when its files are thrown away. It must still free what is not a file or process. */
  readonly quickStopSignal: NodeJS.Signals;
  /** Runs once, before the first start. */
  readonly preparation?: PreparationSpec;
  /** Present when the process only stands for a container, which signals do not reach. */
  readonly container?: ContainerSpec;
}

/** A command that makes a directory, used only when that directory is not there yet. */
export interface PreparationSpec extends CommandSpec {
  /** Where the command writes; moved to `creates` when it succeeded, so that a half-made one is never used. */
  readonly staging: string;
  readonly creates: string;
}

export interface ContainerSpec {
  /** The container engine's command-line program. */
  readonly program: string;
  readonly containerName: string;
  /** Removed at the end, unless the files are kept. */
  readonly volumeName: string;
}

/** A server as the parent sees it: the processes to run and how to tell that it answers. */
export interface Server {
  readonly name: ServerName;
  readonly url: string;
  /** In the order of their start; the last one is the server itself and carries its name. */
  readonly processes: readonly ProcessSpec[];
  /** Resolves when a real handshake succeeded, rejects with the reason when it did not. */
  probe(): Promise<void>;
}

export const SERVER_NAMES = ['rabbitmq', 'redis', 'postgres'] as const;

export type ServerName = (typeof SERVER_NAMES)[number];
