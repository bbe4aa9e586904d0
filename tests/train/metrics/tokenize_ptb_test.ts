import { assertEquals } from "@std/assert";
import { tokenizePtb } from "../../../train/metrics/tokenize_ptb.ts";

function check(cases: readonly (readonly [text: string, words: string])[]): void {
  for (const [text, words] of cases) assertEquals(tokenizePtb(text).join(" "), words, text);
}

Deno.test("tokenizePtb() parts clitics from words, whatever their apostrophe", () => {
  check([
    ["It's the Rice Boat's.", "it 's the rice boat 's"],
    ["I'll, we've, you're, he'd, I'm", "i 'll we 've you 're he 'd i 'm"],
    ["It’s theirs, isn’t it?", "it 's theirs is n't it"],
    ["can't won't CANNOT gonna 'tis", "ca n't wo n't can not gon na 't is"],
    ["the kids' menu, rock 'n' roll, 'em, the '90s", "the kids menu rock 'n' roll 'em the '90s"],
    ["O'Neill, d'Azur, o'clock, c'mon", "o'neill d'azur o'clock c'mon"],
  ]);
});

Deno.test("tokenizePtb() keeps hyphens, slashes and full stops inside a word", () => {
  check([
    ["a non-family-friendly pub", "a non-family-friendly pub"],
    ["and/or mid-range/cheap 24/7", "and/or mid-range/cheap 24/7"],
    ["crème-brûlée at Café Sicilia", "crème-brûlée at café sicilia"],
    ["the riverside.It is cheap.", "the riverside.it is cheap"],
    [
      "The U.S. army, e.g. Mr. A. Smith Jr., no. 5, no.",
      "the u.s. army e.g. mr. a. smith jr. no. 5 no",
    ],
  ]);
});

Deno.test("tokenizePtb() parts numbers from currencies and units", () => {
  check([
    ["£20-25, less than £20.", "# 20-25 less than # 20"],
    ["$5.50 US$10 €30 50%", "$ 5.50 us$ 10 $ 30 50 %"],
    ["1,000.50 at 12:30, 5 out of 5", "1,000.50 at 12:30 5 out of 5"],
    ["10:30pm 7am 3x4 half ½", "10:30 pm 7am 3x4 half 1/2"],
    ["call 555-1234", "call 555-1234"],
  ]);
});

Deno.test("tokenizePtb() drops punctuation, spells brackets and keeps other signs", () => {
  check([
    ['"quoted" ‘single’ “curly” – ... … -- a--b;', "quoted single curly a b"],
    ["(pub) [x] {y}", "-lrb- pub -rrb- -lsb- x -rsb- -lcb- y -rcb-"],
    ["wow!! what?! yes! no?", "wow !! what ?! yes no"],
    ["B&B, R & B, AT&amp;T, a + b = c", "b&b r & b at&t a + b = c"],
    ["see www.example.com/a or a@b.org :-)", "see www.example.com/a or a@b.org :--rrb-"],
    ["soft\u00ADhyphen 😀", "softhyphen"],
    [" \t\n", ""],
  ]);
});
