import axe from "npm:axe-core@4.14.1";
/** The text of the script that a page is judged by. */
export const axeSource: string = axe.source;
