/** Finds the process that listens on a port, where Linux lets us look. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface PortHolder {
  readonly pid: number;
  /** Its command line, shortened. */
  readonly command: string;
}

const LISTENING = '0A';
const COMMAND_MAX = 80;

/** Null when nobody is found: on other systems, or when the process belongs to another user. */
export function portHolder(port: number): PortHolder | null {
  const sockets = new Set(
    ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((table) => inodesOf(table, port)),
  );
  if (sockets.size === 0) return null;
  for (const pid of listed('/proc').map(Number).filter(Number.isInteger)) {
    const files = `/proc/${pid}/fd`;
    for (const file of listed(files)) {
      const inode = /^socket:\[(\d+)\]$/.exec(linkOf(`${files}/${file}`))?.[1];
      if (inode !== undefined && sockets.has(inode)) return { pid, command: commandOf(pid) };
    }
  }
  return null;
}

/** Of the sockets that listen on the port. The columns are those of proc(5). */
function inodesOf(table: string, port: number): string[] {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  return textOf(table)
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === LISTENING && fields[1]?.endsWith(`:${wanted}`) === true)
    .flatMap((fields) => fields[9] ?? []);
}

/** Another user's process may put control characters there, which must not reach the terminal. */
function commandOf(pid: number): string {
  const text = textOf(`/proc/${pid}/cmdline`)
    .replaceAll(/[\p{Cc}\p{Cf}]+/gu, ' ')
    .trim();
  return text.length > COMMAND_MAX ? `${text.slice(0, COMMAND_MAX)}…` : text;
}

/** The process may end, or be hidden from this user, at any step. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function listed(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
