import { assertEquals, assertThrows } from "@std/assert";
import { DeviceError, OptionError } from "../../../core/errors.ts";
import { cardOfTurn, chosenCard } from "../../../kernels/cuda/start.ts";
import { noCard } from "../../support/cuda_texts.ts";

const cards = [
  { ...noCard, index: 0, name: "first", address: "0000:3b:00.0" },
  { ...noCard, index: 1, name: "second", address: "0000:af:00.0" },
];

Deno.test("a card is chosen by its number, or by its address with or without its domain", () => {
  const named = (asked: number | string) => chosenCard(cards, asked).name;
  assertEquals(named(0), "first");
  assertEquals(named(1), "second");
  assertEquals(named("0000:AF:00.0"), "second");
  assertEquals(named("af:00.0"), "second");
});

Deno.test("processes of a machine take its cards in turn, around", () => {
  assertEquals([0, 1, 2, 5].map((turn) => cardOfTurn(cards, turn)), [0, 1, 0, 1]);
});

Deno.test("a card that is not there is refused with those that are", () => {
  assertThrows(
    () => chosenCard(cards, 2),
    OptionError,
    "Cannot open card 2 as one of the driver's is required: found 0 (first at 0000:3b:00.0), 1 " +
      "(second at 0000:af:00.0)",
  );
  assertThrows(() => chosenCard([], "af:00.0"), OptionError, "found none");
  // The end of an address is no address.
  assertThrows(() => chosenCard(cards, "00.0"), OptionError, "Cannot open card 00.0");
});

Deno.test("a card without the matrix units that programs need is refused", () => {
  assertThrows(
    () => chosenCard([{ ...noCard, name: "old", capability: 75 }], 0),
    DeviceError,
    "Cannot use old as compute capability 8.0 is required: found 7.5",
  );
});
