using System.Collections.Generic;
using System.Linq;
using System.Net;

namespace Apim
{
    public static class FormExtensions
    {
        public static string ToQueryString(this IDictionary<string, IList<string>> dictionary)
        {
            return "?" + dictionary.ToFormUrlEncodedContent();
        }

        public static string ToFormUrlEncodedContent(this IDictionary<string, IList<string>> dictionary)
        {
            var pairs = dictionary.SelectMany(entry => entry.Value.Select(value => Pair(entry.Key, value)));
            return string.Join("&", pairs);
        }

        private static string Pair(string name, string value)
        {
            return WebUtility.UrlEncode(name) + "=" + WebUtility.UrlEncode(value);
        }
    }
}
