import Glibc

/// Absolute paths and what lies between them, in text (see `TextFromBytes`).
public enum SourcePath {
    /// The absolute path of an existing file or folder, named by a user.
    ///
    /// Links in the folders above it are resolved, so that one place has one path; a link at the end is kept, because
    /// its name, not that of its target, is the name of the shard. Throws `sourceMissing`.
    public static func absolute(_ path: String) throws(ShardError) -> String {
        let trimmed = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
        guard FileKind.ofItem(atPath: trimmed) != nil else {
            throw ShardError(.sourceMissing, "There is no such file or folder.", path: path)
        }
        let slash = trimmed.lastIndex(of: "/")
        let name = slash.map { String(trimmed[trimmed.index(after: $0)...]) } ?? trimmed
        if name.isEmpty || name == "." || name == ".." { return try resolved(trimmed) }
        let folder = slash.map { $0 == trimmed.startIndex ? "/" : String(trimmed[..<$0]) } ?? "."
        return join(try resolved(folder), TextFromBytes.text(ofBytes: Array(name.utf8)))
    }

    /// The absolute path that a file which is gone would have; `nil` if its folder is gone too.
    public static func absoluteOfMissing(_ path: String) -> String? {
        let slash = path.lastIndex(of: "/")
        let name = slash.map { String(path[path.index(after: $0)...]) } ?? path
        guard !name.isEmpty, name != ".", name != ".." else { return nil }
        do throws(ShardError) {
            let folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
            return join(try resolved(folder), TextFromBytes.text(ofBytes: Array(name.utf8)))
        } catch {
            return nil
        }
    }

    private static func resolved(_ path: String) throws(ShardError) -> String {
        guard let absolute = unsafe realpath(path, nil) else {
            throw ShardError(
                .sourceMissing, "The path cannot be resolved.", path: path, cause: systemErrorText())
        }
        defer { unsafe free(absolute) }
        let bytes = unsafe Array(UnsafeBufferPointer(start: absolute, count: strlen(absolute)))
        return TextFromBytes.text(ofBytes: bytes.map { UInt8(bitPattern: $0) })
    }

    /// `folder/name`; either may be empty or the folder `/`.
    public static func join(_ folder: String, _ name: String) -> String {
        if folder.isEmpty || name.isEmpty { return folder + name }
        return folder.hasSuffix("/") ? folder + name : folder + "/" + name
    }

    /// Everything before the last slash; `/` for what lies directly under it.
    public static func parent(_ path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "" }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// The part of `path` below `folder`: empty if they are the same, `nil` if it does not lie below.
    public static func relative(_ path: String, to folder: String) -> String? {
        if path == folder { return "" }
        let prefix = folder.hasSuffix("/") ? folder : folder + "/"
        return path.hasPrefix(prefix) ? String(path.dropFirst(prefix.count)) : nil
    }

    /// The path of a file that is named relative to `base`, or absolutely, relative to `root`: with `..` if it lies
    /// elsewhere. `base` and `root` are absolute; nothing is looked up.
    static func relative(ofFile name: String, base: String, root: String) -> String {
        var parts: [Substring] = name.hasPrefix("/") ? [] : base.split(separator: "/")
        for part in name.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        let rootParts = root.split(separator: "/")
        let sharedCount = zip(parts, rootParts).prefix { $0 == $1 }.count
        let up = [Substring](repeating: "..", count: rootParts.count - sharedCount)
        return (up + parts[sharedCount...]).joined(separator: "/")
    }

    /// The last `count` components of a path.
    public static func lastComponents(_ path: String, count: Int) -> String {
        path.split(separator: "/").suffix(count).joined(separator: "/")
    }
}
