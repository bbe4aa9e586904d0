// A device whose commands run, but which reports the errors that a test plans.

/** An error that a command is to report, to the innermost error scope of its kind. */
export interface Fault {
  /** Method of the device or its queue. */
  readonly command: string;
  /** Kind of the error. */
  readonly filter: GPUErrorFilter;
  readonly message: string;
  /** Whether the command itself throws, as some engines' do; default false. */
  readonly throws?: boolean;
}

interface Scope {
  readonly filter: GPUErrorFilter;
  error: { readonly message: string } | null;
}

/** A device that works as `device` does, but for its faults. */
export class FaultyDevice {
  /** What the next command of its name reports. */
  fault: Fault | undefined;
  /** Errors that no scope caught. */
  readonly escaped: string[] = [];
  /** How often each command was given. */
  readonly given: Record<string, number> = {};
  /** Told of every command before it is given. */
  onCommand: ((command: string) => void) | undefined;
  /** Milliseconds until the answer to an error scope comes. */
  delay = 0;
  /** Whether error scopes are answered at all. */
  answers = true;
  /** Resolved by {@linkcode lose}. */
  lose!: (lost: { readonly reason: string; readonly message: string }) => void;
  readonly gpu: GPUDevice;
  readonly #scopes: Scope[] = [];

  constructor(device: GPUDevice) {
    const lost = new Promise((resolve) => this.lose = resolve);
    const queue = this.#watched(device.queue, {});
    this.gpu = this.#watched(device, {
      queue,
      lost,
      pushErrorScope: (filter: GPUErrorFilter) => void this.#scopes.push({ filter, error: null }),
      popErrorScope: async () => {
        const { error } = this.#scopes.pop()!;
        if (!this.answers) throw new TypeError("no answer");
        if (this.delay > 0) await new Promise((resolve) => setTimeout(resolve, this.delay));
        return error;
      },
    });
  }

  /** The object with some members replaced, whose methods count and report. */
  #watched<T extends object>(target: T, replaced: Record<string, unknown>): T {
    return new Proxy(target, {
      get: (_, name: string) => {
        const value = name in replaced ? replaced[name] : target[name as keyof T];
        if (typeof value !== "function") return value;
        return (...args: unknown[]) => {
          this.given[name] = (this.given[name] ?? 0) + 1;
          this.onCommand?.(name);
          if (this.fault?.command === name) this.#report(this.fault);
          return value.apply(target, args);
        };
      },
    });
  }

  #report({ filter, message, throws = false }: Fault): void {
    this.fault = undefined;
    if (throws) throw new TypeError(message);
    const scope = this.#scopes.findLast((scope) => scope.filter === filter);
    if (scope === undefined) this.escaped.push(message);
    else scope.error ??= { message };
  }
}
