namespace Apim
{
    public interface IGroup
    {
        string Id { get; }
        string Name { get; }
    }

    public class Group : IGroup
    {
        public string Id { get; set; }
        public string Name { get; set; }
    }
}
