using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Newtonsoft.Json;
using Newtonsoft.Json.Linq;

namespace Oracle
{
    /// <summary>
    /// Values as JSON with their types, as <c>apim_policies.expressions.trial.encoding</c> writes them.
    /// </summary>
    public static class EncodedValue
    {
        /// <summary>How many items of a sequence are written: it may have no end.</summary>
        private const int Most = 201;

        private static readonly Dictionary<Type, string> Keywords = new Dictionary<Type, string>
        {
            [typeof(bool)] = "bool",
            [typeof(byte)] = "byte",
            [typeof(char)] = "char",
            [typeof(decimal)] = "decimal",
            [typeof(double)] = "double",
            [typeof(float)] = "float",
            [typeof(int)] = "int",
            [typeof(long)] = "long",
            [typeof(object)] = "object",
            [typeof(sbyte)] = "sbyte",
            [typeof(short)] = "short",
            [typeof(string)] = "string",
            [typeof(uint)] = "uint",
            [typeof(ulong)] = "ulong",
            [typeof(ushort)] = "ushort",
        };

        public static JObject Of(object value)
        {
            if (value == null)
            {
                return new JObject { ["type"] = "null", ["value"] = null };
            }
            var encoded = new JObject { ["type"] = TypeName(value.GetType()) };
            switch (value)
            {
                case JToken token:
                    encoded["value"] = token.ToString(Formatting.None);
                    encoded["jtype"] = token.Type.ToString();
                    break;
                case byte[] bytes:
                    encoded["value"] = Convert.ToBase64String(bytes);
                    return encoded;
                case IDictionary dictionary:
                    encoded["entries"] = Entries(dictionary);
                    return encoded;
                case IEnumerable sequence when !(value is string):
                    encoded["items"] = new JArray(sequence.Cast<object>().Take(Most).Select(Of));
                    return encoded;
                default:
                    encoded["value"] = Plain(value);
                    break;
            }
            encoded["text"] = value.ToString();
            return encoded;
        }

        private static JArray Entries(IDictionary dictionary)
        {
            var entries = new JArray();
            foreach (DictionaryEntry entry in dictionary)
            {
                entries.Add(new JArray(Of(entry.Key), Of(entry.Value)));
            }
            return entries;
        }

        /// <summary>Dates, times, Guids and numbers that JSON cannot hold are texts; other objects are null.</summary>
        private static JToken Plain(object value)
        {
            var invariant = CultureInfo.InvariantCulture;
            switch (value)
            {
                case string text:
                    return text;
                case bool truth:
                    return truth;
                case sbyte _:
                case byte _:
                case short _:
                case ushort _:
                case int _:
                case uint _:
                case long _:
                    return Convert.ToInt64(value);
                case ulong number:
                    return number.ToString(invariant);
                case float number:
                    return number.ToString("R", invariant);
                case double number:
                    return number.ToString("R", invariant);
                case decimal number:
                    return number.ToString(invariant);
                case DateTime moment:
                    return moment.ToString("o", invariant);
                case DateTimeOffset moment:
                    return moment.ToString("o", invariant);
                case TimeSpan time:
                    return time.ToString("c", invariant);
                case Guid guid:
                    return guid.ToString("D");
                case char _:
                case Enum _:
                    return value.ToString();
                default:
                    return null;
            }
        }

        /// <summary>A type as C# writes it; iterators, whose names no policy can rely on, are sequences.</summary>
        private static string TypeName(Type type)
        {
            if (Keywords.TryGetValue(type, out var keyword))
            {
                return keyword;
            }
            if (type.IsArray)
            {
                return TypeName(type.GetElementType()) + "[]";
            }
            if (type.Name.StartsWith("<>"))
            {
                return "anonymous";
            }
            if (typeof(IEnumerable).IsAssignableFrom(type) && IsIterator(type))
            {
                return "IEnumerable";
            }
            if (type.IsGenericType)
            {
                var arguments = string.Join(",", type.GetGenericArguments().Select(TypeName));
                return type.Name.Split('`')[0] + "<" + arguments + ">";
            }
            return type.Name;
        }

        private static bool IsIterator(Type type)
        {
            return type.Name.Contains("Iterator")
                || type.Name.StartsWith("<")
                || type.FullName.StartsWith("System.Linq.");
        }
    }
}
