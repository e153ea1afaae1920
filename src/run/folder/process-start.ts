import { readFileSync, readlinkSync } from 'node:fs';

/** What tells a process from an earlier or later one of the same pid (boot and start time); null where unknown. */
export function processStart(pid: number): string | null {
  const fields = statFields(pid);
  const boot = readIfPossible('/proc/sys/kernel/random/boot_id')?.trim();
  return fields && boot ? `${boot}/${fields[19]}` : null;
}

/** Names the set of processes among which pids are unique (Linux, pid_namespaces(7)); null where unknown. */
export function pidNamespace(): string | null {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return null;
  }
}

/** Whether `pid` runs on this host, and is the process that `start` (see processStart) was taken of. */
export function processIsAlive(pid: number, start: string | null): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: somebody else's process.
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  // Z: a zombie, dead but not yet waited for.
  if (statFields(pid)?.[0] === 'Z') return false;
  const current = processStart(pid);
  return start === null || current === null || current === start;
}

/** Linux, proc(5): the fields of /proc/PID/stat from the third (state) on; [19] is the 22nd, starttime. */
function statFields(pid: number): string[] | undefined {
  const stat = readIfPossible(`/proc/${pid}/stat`);
  // The second field, the command in parentheses, may itself hold spaces and parentheses.
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function readIfPossible(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
