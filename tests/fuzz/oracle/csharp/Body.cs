using System;
using System.Collections.Generic;
using System.Net;
using System.Text;
using System.Xml.Linq;
using Newtonsoft.Json.Linq;

namespace Apim
{
    public interface IMessageBody
    {
        T As<T>(bool preserveContent = false);

        IDictionary<string, IList<string>> AsFormUrlEncodedContent(bool preserveContent = false);
    }

    /// <summary>A body that can be read once, unless its content is preserved.</summary>
    public class Body : IMessageBody
    {
        private string text;

        public Body(string text)
        {
            this.text = text;
        }

        public T As<T>(bool preserveContent = false)
        {
            if (text == null)
            {
                throw new InvalidOperationException("message body was already consumed");
            }
            var content = Read(typeof(T));
            if (!preserveContent)
            {
                text = null;
            }
            return (T)content;
        }

        public IDictionary<string, IList<string>> AsFormUrlEncodedContent(bool preserveContent = false)
        {
            var form = new Dictionary<string, IList<string>>();
            foreach (var part in As<string>(preserveContent).Split('&'))
            {
                var pair = part.Split(new[] { '=' }, 2);
                var name = WebUtility.UrlDecode(pair[0]);
                if (!form.TryGetValue(name, out var values))
                {
                    form[name] = values = new List<string>();
                }
                values.Add(pair.Length > 1 ? WebUtility.UrlDecode(pair[1]) : "");
            }
            return form;
        }

        private object Read(Type type)
        {
            if (type == typeof(string))
            {
                return text;
            }
            if (type == typeof(byte[]))
            {
                return Encoding.UTF8.GetBytes(text);
            }
            if (type == typeof(JObject))
            {
                return JObject.Parse(text);
            }
            if (type == typeof(JArray))
            {
                return JArray.Parse(text);
            }
            if (type == typeof(JToken))
            {
                return JToken.Parse(text);
            }
            if (type == typeof(XDocument))
            {
                return XDocument.Parse(text);
            }
            if (type == typeof(XElement) || type == typeof(XNode))
            {
                return XElement.Parse(text);
            }
            throw new NotSupportedException(type.Name);
        }
    }
}
