using System;
using System.Collections.Generic;
using System.Linq;
using System.Net;

namespace Apim
{
    public interface IUrl
    {
        string Host { get; }
        string Path { get; }
        int Port { get; }
        IReadOnlyDictionary<string, string[]> Query { get; }
        string QueryString { get; }
        string Scheme { get; }

        Uri ToUri();
    }

    public class Url : IUrl
    {
        public string Host { get; set; }
        public string Path { get; set; }
        public int Port { get; set; }
        public IReadOnlyDictionary<string, string[]> Query { get; set; }
        public string QueryString { get; set; }
        public string Scheme { get; set; }

        public static Url Parse(string text)
        {
            var uri = new Uri(text);
            return new Url
            {
                Host = uri.Host,
                Path = uri.AbsolutePath,
                Port = uri.Port,
                Query = Parameters(uri.Query),
                QueryString = uri.Query,
                Scheme = uri.Scheme,
            };
        }

        public Uri ToUri() => new Uri(ToString());

        public override string ToString() => new UriBuilder(Scheme, Host, Port, Path, QueryString).Uri.AbsoluteUri;

        /// <summary>Parameters by name, whose case does not matter; repeated ones have several values.</summary>
        private static Dictionary<string, string[]> Parameters(string query)
        {
            return query.TrimStart('?')
                .Split(new[] { '&' }, StringSplitOptions.RemoveEmptyEntries)
                .Select(pair => pair.Split(new[] { '=' }, 2))
                .GroupBy(pair => WebUtility.UrlDecode(pair[0]), StringComparer.OrdinalIgnoreCase)
                .ToDictionary(
                    pairs => pairs.Key,
                    pairs => pairs.Select(pair => pair.Length > 1 ? WebUtility.UrlDecode(pair[1]) : "").ToArray(),
                    StringComparer.OrdinalIgnoreCase);
        }
    }
}
