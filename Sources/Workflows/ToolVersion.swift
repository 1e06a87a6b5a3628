/// Which build this is.
public enum ToolVersion {
    /// Version of the tool, after semantic versioning; formats stay at major version 0 until the README says otherwise.
    public static let text = "0.1.0"
}
