import Glibc

/// Absolute paths and what lies between them, in text (see `TextFromBytes`).
///
/// Paths are taken apart as UTF-8, never as characters: a name may start with a combining mark, which would make one
/// character with the slash before it.
public enum SourcePath {
    /// The absolute path of an existing file or folder, named by a user.
    ///
    /// Links in the folders above it are resolved, so that one place has one path; a link at the end is kept, because
    /// its name, not that of its target, is the name of the shard. Throws `sourceMissing`.
    public static func absolute(_ path: String) throws(ShardError) -> String {
        let isTrimmed = path.utf8.count > 1 && endsWithSlash(path)
        let trimmed = isTrimmed ? String(decoding: path.utf8.dropLast(), as: UTF8.self) : path
        guard FileKind.ofItem(atPath: trimmed) != nil else {
            throw ShardError(.sourceMissing, "There is no such file or folder.", path: path)
        }
        let slash = trimmed.utf8.lastIndex(of: separator)
        let name = slash.map { String(decoding: trimmed.utf8[$0...].dropFirst(), as: UTF8.self) } ?? trimmed
        if name.isEmpty || name == "." || name == ".." { return try resolved(trimmed) }
        let folder = slash.map { $0 == trimmed.startIndex ? "/" : String(trimmed[..<$0]) } ?? "."
        return join(try resolved(folder), TextFromBytes.text(ofBytes: Array(name.utf8)))
    }

    /// The absolute path that a file which is gone would have; `nil` if its folder is gone too.
    public static func absoluteOfMissing(_ path: String) -> String? {
        let slash = path.utf8.lastIndex(of: separator)
        let name = slash.map { String(decoding: path.utf8[$0...].dropFirst(), as: UTF8.self) } ?? path
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
        return endsWithSlash(folder) ? folder + name : folder + "/" + name
    }

    /// Everything before the last slash; `/` for what lies directly under it.
    public static func parent(_ path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: separator) else { return "" }
        return slash == path.startIndex ? "/" : String(decoding: path.utf8[..<slash], as: UTF8.self)
    }

    /// The part of `path` below `folder`: empty if they are the same, `nil` if it does not lie below.
    public static func relative(_ path: String, to folder: String) -> String? {
        if path.utf8.elementsEqual(folder.utf8) { return "" }
        let prefix = endsWithSlash(folder) ? folder : folder + "/"
        guard path.utf8.starts(with: prefix.utf8) else { return nil }
        return String(decoding: path.utf8.dropFirst(prefix.utf8.count), as: UTF8.self)
    }

    /// The path of a file that is named relative to `base`, or absolutely, relative to `root`: with `..` if it lies
    /// elsewhere. `base` and `root` are absolute; nothing is looked up.
    static func relative(ofFile name: String, base: String, root: String) -> String {
        var parts = name.utf8.first == separator ? [] : components(base)
        for part in components(name) where !part.elementsEqual(".".utf8) {
            if part.elementsEqual("..".utf8) { _ = parts.popLast() } else { parts.append(part) }
        }
        let rootParts = components(root)
        let sharedCount = zip(parts, rootParts).prefix { $0.elementsEqual($1) }.count
        let up = [Substring.UTF8View](repeating: Substring("..").utf8, count: rootParts.count - sharedCount)
        return joined(up + parts[sharedCount...])
    }

    /// The last `count` components of a path.
    public static func lastComponents(_ path: String, count: Int) -> String {
        joined(components(path).suffix(count))
    }

    private static let separator = UInt8(ascii: "/")

    private static func endsWithSlash(_ path: String) -> Bool { path.utf8.last == separator }

    private static func components(_ path: String) -> [Substring.UTF8View] { path.utf8.split(separator: separator) }

    private static func joined(_ components: some Collection<Substring.UTF8View>) -> String {
        components.map { Substring($0) }.joined(separator: "/")
    }
}

/// A path or key as the key of a table: compared byte by byte. Strings are equal if they look alike, but a folder may hold
/// two files whose names differ in how an `é` is written.
public struct PathKey: Hashable, Sendable {
    private let bytes: [UInt8]

    /// The key of a text.
    public init(_ text: String) {
        bytes = Array(text.utf8)
    }
}
