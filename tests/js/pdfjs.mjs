// Fills PDF forms as Firefox does, by the annotation storage of pdf.js: jobs are read from standard input.
import { readFileSync, writeFileSync } from "node:fs";

globalThis.DOMMatrix ??= class {}; // asked for on loading, used in drawing only
const { getDocument, VerbosityLevel } = await import("pdfjs-dist/legacy/build/pdf.mjs");

for (const job of JSON.parse(readFileSync(0, "utf8"))) {
  const data = new Uint8Array(readFileSync(job.source));
  const document = await getDocument({ data, verbosity: VerbosityLevel.ERRORS }).promise;
  for (let number = 1; number <= document.numPages; number++) {
    const page = await document.getPage(number);
    for (const annotation of await page.getAnnotations({ intent: "any" })) {
      const value = job.fields[annotation.fieldName];
      if (value === undefined || annotation.readOnly) continue;
      document.annotationStorage.setValue(annotation.id, { value });
    }
  }
  writeFileSync(job.target, await document.saveDocument());
  await document.loadingTask.destroy();
}
