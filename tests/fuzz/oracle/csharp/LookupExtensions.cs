using System.Collections.Generic;

namespace Apim
{
    /// <summary><c>GetValueOrDefault</c> of headers, query, matched parameters and variables.</summary>
    public static class LookupExtensions
    {
        public static string GetValueOrDefault(this IReadOnlyDictionary<string, string[]> dictionary, string key)
        {
            return dictionary.GetValueOrDefault(key, (string)null);
        }

        public static string GetValueOrDefault(
            this IReadOnlyDictionary<string, string[]> dictionary, string key, string defaultValue)
        {
            return dictionary.TryGetValue(key, out var values) ? string.Join(",", values) : defaultValue;
        }

        public static string GetValueOrDefault(this IReadOnlyDictionary<string, string> dictionary, string key)
        {
            return dictionary.TryGetValue(key, out var value) ? value : null;
        }

        public static string GetValueOrDefault(
            this IReadOnlyDictionary<string, string> dictionary, string key, string defaultValue)
        {
            return dictionary.TryGetValue(key, out var value) ? value : defaultValue;
        }

        public static object GetValueOrDefault(this IReadOnlyDictionary<string, object> dictionary, string key)
        {
            return dictionary.TryGetValue(key, out var value) ? value : null;
        }

        public static T GetValueOrDefault<T>(this IReadOnlyDictionary<string, object> dictionary, string key)
        {
            return dictionary.TryGetValue(key, out var value) ? (T)value : default(T);
        }

        public static T GetValueOrDefault<T>(
            this IReadOnlyDictionary<string, object> dictionary, string key, T defaultValue)
        {
            return dictionary.TryGetValue(key, out var value) ? (T)value : defaultValue;
        }
    }
}
