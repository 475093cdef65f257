// Fills PDF forms as pdf-lib does: jobs of `{source, target, fields}` are read from standard input.
import { readFileSync, writeFileSync } from "node:fs";
import { PDFCheckBox, PDFDocument, PDFDropdown, PDFTextField } from "pdf-lib";

// A list is asked for by the label of an option, as a person sees it.
function choose(field, code) {
  const option = field.acroField.getOptions().find((option) => option.value.decodeText() === code);
  field.select(option.display.decodeText());
}

for (const job of JSON.parse(readFileSync(0, "utf8"))) {
  const document = await PDFDocument.load(readFileSync(job.source));
  const form = document.getForm();
  for (const [name, value] of Object.entries(job.fields)) {
    const field = form.getField(name);
    if (field.isReadOnly()) continue;
    if (field instanceof PDFCheckBox) value ? field.check() : field.uncheck();
    else if (field instanceof PDFTextField) field.setText(value || undefined);
    else if (field instanceof PDFDropdown) value ? choose(field, value) : field.clear();
  }
  // Its standard fonts lack letters that people type: values are asked for here, not looks.
  writeFileSync(job.target, await document.save({ updateFieldAppearances: false }));
}
