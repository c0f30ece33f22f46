/** What Linux knows about a process: the processor time that it used and the memory that it held. */
import { readFile, writeFile } from "node:fs/promises";

/** `USER_HZ`: the unit of times in /proc, the same on every Linux that Bun runs on. */
const ticksPerSecond = 100;
const bytesPerKb = 1024;

/** Seconds of processor time, user and system, of all threads since the process began. */
export async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "latin1");
  // The name, in parentheses, may hold anything; behind it the fields are plain (proc(5): utime is 14, stime 15).
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** Makes {@link peakBytes} count from now on (proc(5): 5 in clear_refs resets the peak). */
export function resetPeak(pid: number): Promise<void> {
  return writeFile(`/proc/${pid}/clear_refs`, "5");
}

/** The largest resident set since {@link resetPeak}. */
export async function peakBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "latin1");
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * bytesPerKb;
}

/** Runs a program to its end and resolves with what it wrote. Throws with its complaint when it fails. */
export async function run(command: readonly string[]): Promise<string> {
  const child = Bun.spawn([...command], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [output, complaint, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code !== 0) throw new Error(`${command[0]} ended with ${code}: ${complaint}${output}`);
  return output;
}
