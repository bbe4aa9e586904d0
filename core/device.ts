/**
 * The device handle with its stack of scopes, which ends the life of whatever was not kept.
 *
 * @module
 */

import type { Backend } from "./backend.ts";
import type { Half } from "./dtype.ts";
import { DisposedError, ShapeError } from "./errors.ts";
import { shown } from "./excerpt.ts";

/** What a scope can own. */
export interface Owned extends Disposable {
  /** The scope that will dispose it. */
  scope: Scope | undefined;
  /** Where that scope lists it; only scopes write it. */
  place?: number;
}

/** Owns what was made while it was innermost, and disposes it at its end. */
export class Scope implements Disposable {
  readonly #owned: Owned[] = [];
  #open = true;

  /**
   * Made by {@linkcode Device.scope}.
   *
   * @param name For messages
   * @param parent The scope around it
   * @param device The handle it was opened on
   */
  constructor(
    readonly name: string,
    readonly parent: Scope | undefined,
    readonly device: Device,
  ) {}

  /** Takes ownership, from another scope where one has it. */
  adopt(item: Owned): void {
    item.scope?.disown(item);
    item.scope = this;
    item.place = this.#owned.push(item) - 1;
  }

  /** Gives ownership up: the caller must dispose the item. */
  disown(item: Owned): void {
    item.scope = undefined;
    const { place } = item;
    if (place === undefined || this.#owned[place] !== item) return;
    // The last one takes the place that is free.
    const last = this.#owned.pop()!;
    if (last === item) return;
    this.#owned[place] = last;
    last.place = place;
  }

  /**
   * Hands the item to the surrounding scope, or to the caller where there is none. What another
   * scope owns stays there.
   */
  keep<T extends Owned>(item: T): T {
    if (item.scope !== this) return item;
    if (this.parent === undefined) this.disown(item);
    else this.parent.adopt(item);
    return item;
  }

  /** Disposes what the scope owns, where `using` cannot be written; a second call does nothing. */
  close(): void {
    if (!this.#open) return;
    this.device.leave(this);
    this.#open = false;
    for (let item = this.#owned.pop(); item !== undefined; item = this.#owned.pop()) {
      item.scope = undefined;
      item[Symbol.dispose]();
    }
  }

  /** Disposes what the scope owns at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/** A handle on a backend with a scope stack of its own. Interleaved tasks each take a fork. */
export class Device implements AsyncDisposable {
  #innermost: Scope | undefined;

  /**
   * Makes a handle.
   *
   * @param backend What runs the programs; the root handle's disposal closes it
   * @param float Element type of floats made through this handle
   * @param root The handle this one was forked from
   */
  constructor(
    readonly backend: Backend,
    readonly float: "f32" | "f64" = "f32",
    readonly root: Device | undefined = undefined,
  ) {
    if (!["f32", "f64"].includes(float)) {
      throw new ShapeError(
        `Cannot make a device as float requires f32 or f64: found ${shown(float)}`,
      );
    }
    if (!backend.supports(float)) {
      throw new TypeError(`Cannot hold ${float} tensors on backend ${backend.name}`);
    }
  }

  /** Halves in which the backend stores activations, where it does. */
  get activations(): Half | undefined {
    return this.backend.activations;
  }

  /** A handle for another task on the same backend; tensors of the root can be used with it. */
  fork(): Device {
    return new Device(this.backend, this.float, this.root ?? this);
  }

  /** Scope that owns what is made now. */
  get innermost(): Scope | undefined {
    return this.#innermost;
  }

  /** Opens a scope: `using _step = device.scope("step")`. */
  scope(name: string): Scope {
    return this.#innermost = new Scope(name, this.#innermost, this);
  }

  /** Runs a function in a scope of its own; engines do not optimise functions that have `using`. */
  inside<R>(name: string, run: (scope: Scope) => R): R {
    const scope = this.scope(name);
    try {
      return run(scope);
    } finally {
      scope.close();
    }
  }

  /** Runs `make` in a scope of its own, which ends all that was made there but the result. */
  within<T extends Owned>(name: string, make: () => T): T {
    return this.inside(name, (scope) => scope.keep(make()));
  }

  /**
   * Called by a scope at its end.
   *
   * @throws {DisposedError} If a scope opened later is still open
   */
  leave(scope: Scope): void {
    if (this.#innermost !== scope) {
      throw new DisposedError(
        `Cannot close scope ${scope.name} as the innermost open scope must close first: ` +
          `found ${this.#innermost?.name ?? "none"} (interleaved tasks each need device.fork())`,
      );
    }
    this.#innermost = scope.parent;
  }

  /** Closes the backend, where this is the root handle. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.root === undefined) await this.backend[Symbol.asyncDispose]();
  }
}
