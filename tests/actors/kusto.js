// Parses Kusto queries and binds their names to tables, with the language service of Azure's own editors.
// stdin: {"tables": {"T": "column:type, ..."}, "queries": {"name": "text"}}
// stdout: {"name": {"problems": ["..."], "columns": ["..."] }}; columns are those of the answer.
require("@kusto/language-service-next/bridge.min.js");
require("@kusto/language-service-next/Kusto.Language.Bridge.min.js");

const { GlobalState, KustoCode, Symbols } = Kusto.Language;
const list = (items) => Array.from({ length: items.Count }, (_, index) => items.getItem(index));

const { tables, queries } = JSON.parse(require("fs").readFileSync(0, "utf8"));
const symbols = Object.entries(tables).map(([name, columns]) => new Symbols.TableSymbol.$ctor7(name, `(${columns})`, null));
const globals = GlobalState.Default.WithDatabase(new Symbols.DatabaseSymbol.ctor("workspace", symbols));
const answers = Object.entries(queries).map(([name, text]) => {
  const code = KustoCode.ParseAndAnalyze(text, globals);
  const problems = list(code.GetDiagnostics()).map(
    (found) => `${found.Code} ${found.Message} at: ${text.slice(found.Start, found.Start + 40)}`,
  );
  return [name, { problems, columns: code.ResultType?.Columns ? list(code.ResultType.Columns).map((c) => c.Name) : [] }];
});
process.stdout.write(JSON.stringify(Object.fromEntries(answers)));
