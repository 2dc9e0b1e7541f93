/** What the compose file says about a service, as options of `podman run`. */
import type { ComposeService } from '../deploy/compose-file.ts';
import { ULIMITS } from './engine.ts';

/** Ports are left out: all containers share one network, in which each server has its own port. */
export function containerOptions(service: ComposeService): string[] {
  const { user, cap_drop = [], security_opt = [], environment = {}, volumes = [] } = service;
  const { tmpfs = [], cpus, mem_limit, pids_limit, shm_size, stop_signal } = service;
  const options = [
    ...ULIMITS,
    // As Docker does: nothing is writable that the file does not list.
    ...(service.read_only === true ? ['--read-only', '--read-only-tmpfs=false'] : []),
    ...cap_drop.map((one) => `--cap-drop=${one}`),
    ...security_opt.map((one) => `--security-opt=${one.replace(':true', '')}`),
    ...tmpfs.map((one) => `--tmpfs=${one}`),
    ...volumes.map((one) => `--volume=${one.split(':').slice(-1).join()}`),
    ...Object.entries(environment).map(([name, value]) => `--env=${name}=${value}`),
  ];
  const named = { user, cpus, memory: mem_limit, 'pids-limit': pids_limit, 'shm-size': shm_size };
  for (const [name, value] of Object.entries({ ...named, 'stop-signal': stop_signal })) {
    if (value !== undefined) options.push(`--${name}=${value}`);
  }
  return options;
}
