using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Text;
using System.Threading;
using Apim;
using Newtonsoft.Json;
using Newtonsoft.Json.Linq;

namespace Oracle
{
    /// <summary>
    /// Evaluates compiled cases one after the other: <c>oracle.dll CONTEXTS ANSWERS</c>. CONTEXTS is JSON: different
    /// contexts, and by the number of each case that is asked for which one it gets. ANSWERS gets a line of JSON for
    /// each case, at once, so that the case that ends the process can be named. One without an end ends it, too.
    /// </summary>
    public static class Program
    {
        private const int StackSize = 16 * 1024 * 1024;

        private static readonly TimeSpan Longest = TimeSpan.FromSeconds(20);

        public static int Main(string[] arguments)
        {
            CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;
            var file = Read(arguments[0]);
            var contexts = (JArray)file["contexts"];
            using (var answers = new StreamWriter(arguments[1], false, new UTF8Encoding(false)) { AutoFlush = true })
            {
                foreach (var asked in ((JObject)file["cases"]).Properties())
                {
                    var context = (JObject)contexts[(int)asked.Value];
                    var answer = InTime(() => Answer(Cases.All[asked.Name], ContextFile.Read(context)));
                    if (answer == null)
                    {
                        Console.Error.WriteLine($"no end after {Longest.TotalSeconds} seconds");
                        return 1;
                    }
                    answer.AddFirst(new JProperty("case", asked.Name));
                    answers.WriteLine(Line(answer));
                }
            }
            return 0;
        }

        /// <summary>An answer in ASCII, so that halves of surrogate pairs, which UTF-8 does not have, are kept.</summary>
        private static string Line(JObject answer)
        {
            return JsonConvert.SerializeObject(
                answer, new JsonSerializerSettings { StringEscapeHandling = StringEscapeHandling.EscapeNonAscii });
        }

        /// <summary>An answer that comes in time, or null.</summary>
        private static JObject InTime(Func<JObject> asked)
        {
            JObject answer = null;
            var thread = new Thread(() => answer = asked(), StackSize) { IsBackground = true };
            thread.Start();
            return thread.Join(Longest) ? answer : null;
        }

        /// <summary>Texts that look like dates stay texts.</summary>
        private static JObject Read(string path)
        {
            var settings = new JsonSerializerSettings { DateParseHandling = DateParseHandling.None };
            return (JObject)JsonConvert.DeserializeObject(File.ReadAllText(path), settings);
        }

        private static JObject Answer(Func<IExpressionContext, object> expression, Context context)
        {
            var answer = new JObject();
            try
            {
                answer["result"] = EncodedValue.Of(expression(context));
            }
            catch (Exception exception)
            {
                answer["exception"] = exception.GetType().FullName;
                answer["message"] = exception.Message;
                answer["bases"] = new JArray(Bases(exception.GetType()));
            }
            if (context.Traces.Count > 0)
            {
                answer["traces"] = new JArray(context.Traces);
            }
            return answer;
        }

        private static IEnumerable<string> Bases(Type type)
        {
            for (var above = type.BaseType; above != typeof(object); above = above.BaseType)
            {
                yield return above.FullName;
            }
        }
    }
}
