namespace Apim
{
    public interface ILastError
    {
        string Message { get; }
        string Path { get; }
        string PolicyId { get; }
        string Reason { get; }
        string Scope { get; }
        string Section { get; }
        string Source { get; }
    }

    public class LastError : ILastError
    {
        public string Message { get; set; }
        public string Path { get; set; }
        public string PolicyId { get; set; }
        public string Reason { get; set; }
        public string Scope { get; set; }
        public string Section { get; set; }
        public string Source { get; set; }
    }
}
