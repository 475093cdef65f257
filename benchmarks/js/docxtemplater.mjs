// Renders a template again and again: a line on standard input says for how many milliseconds, the answer is the mean.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import Docxtemplater from "docxtemplater";
import PizZip from "pizzip";

const folder = process.argv[2];
const template = readFileSync(join(folder, "template.docx"));
const values = JSON.parse(readFileSync(join(folder, "values.json"), "utf8"));
const made = join(folder, "made.docx");
let written = false;

function render() {
  const document = new Docxtemplater(new PizZip(template));
  document.render(values);
  return document.getZip().generate({ type: "nodebuffer", compression: "DEFLATE" });
}

for await (const line of createInterface({ input: process.stdin })) {
  const least = Number(line);
  const start = performance.now();
  let count = 0;
  let last;
  do {
    last = render();
    count++;
  } while (performance.now() - start < least);
  const mean = (performance.now() - start) / count;
  if (!written) writeFileSync(made, last);
  written = true;
  console.log(mean);
}
