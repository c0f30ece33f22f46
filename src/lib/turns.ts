/** Takes turns: at most so many run at a time, the others wait in line. */
type Turns = <T>(body: () => Promise<T>) => Promise<T>;

export function makeTurns(atOnce: number): Turns {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (body) => {
    if (running >= atOnce) await new Promise<void>((begin) => waiting.push(begin));
    else running += 1;
    try {
      return await body();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  };
}
