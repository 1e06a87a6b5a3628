import Samples

/// A sample-to-be of a folder: one file and the texts beside it. Nothing of it has been read.
public struct FolderItem: Hashable, Sendable {
    /// The key as text.
    public let key: String
    /// The image file, relative to the root, as text.
    public let path: String
    /// Caption and JSON files beside it, relative to the root, as text.
    public let textPaths: [String]
    /// Digest over names, sizes and times (see `FolderGroup.signature(of:)`).
    public let signature: Digest
    /// Whether its key kept the extension because another image had the same.
    public let isCollision: Bool
    /// Size of the image file when the folder was listed.
    public let byteCount: Int64
}

/// What one candidate file of a folder is.
public enum FolderCandidate: Hashable, Sendable {
    /// An image, or a file that is called one.
    case item(FolderItem)
    /// A tar: a shard of its own. Its path is relative to the root.
    case tar(String)
    /// A file of another kind, left alone.
    case ignored(IgnoredFile)
}

/// A file that is left alone, by what the summary says of it.
public enum IgnoredFile: Hashable, Sendable {
    /// A camera's raw file, by its name.
    case raw
    /// Anything else: `.parquet`, `_stats.json`, or `no extension`.
    case other(label: String)

    /// What a file that holds no sample is, by its name.
    public init(path: String) {
        let suffix = String(decoding: SampleKey.inFolder(path.utf8).suffix, as: UTF8.self)
        switch suffix {
        case _ where IgnoredFile.rawSuffixes.contains(suffix): self = .raw
        case "": self = .other(label: "no extension")
        case _ where suffix.utf8.count > 16: self = .other(label: "long extensions")
        // img2dataset writes one beside each shard.
        case "json" where path.hasSuffix("_stats.json"): self = .other(label: "_stats.json")
        default: self = .other(label: "." + suffix)
        }
    }

    private static let rawSuffixes: Set<String> = [
        "3fr", "arw", "cr2", "cr3", "crw", "dcr", "dng", "erf", "fff", "iiq", "kdc", "mef", "mos", "mrw", "nef", "nrw",
        "orf", "pef", "raf", "raw", "rw2", "rwl", "sr2", "srf", "srw", "x3f",
    ]
}

extension FolderGroup {
    /// Looks at the first bytes of the candidates that are `unknown` and says what each is.
    ///
    /// If more than one candidate of the group is an image, the `knownImageCount` that are not among `unknown` included,
    /// those found now keep their extension in the key. Files that are neither images nor tars by content are ignored,
    /// unless their extension says they should be.
    public func classify(
        unknown: [FolderFile], knownImageCount: Int = 0, rootPath: String
    ) -> [FolderCandidate] {
        let kinds = unknown.map { file -> FolderCandidate in
            switch FolderGroup.content(of: file, rootPath: rootPath) {
            case .image:
                return .item(item(file, isCollision: false))
            case .tar, .damagedTar:
                return .tar(file.path)
            case .compressed:
                return SampleKey.namesCompressedTar(path: file.path)
                    ? .tar(file.path) : .ignored(.init(path: file.path))
            case .damagedCompression, .parquet, .empty, .other, nil:
                if file.suffix.elementsEqual("tar".utf8) { return .tar(file.path) }
                guard MemberRole.namesImage(suffix: file.suffix) else { return .ignored(.init(path: file.path)) }
                return .item(item(file, isCollision: false))
            }
        }
        let newCount = kinds.count { if case .item = $0 { true } else { false } }
        let knownCount = knownImageCount
        guard newCount + knownCount > 1, newCount > 0 else { return kinds }
        return zip(unknown, kinds).map { file, kind in
            if case .item = kind { .item(item(file, isCollision: true)) } else { kind }
        }
    }

    /// The item of a candidate that is in the catalog already, under the key it has there.
    public func knownItem(_ file: FolderFile, key: String) -> FolderItem {
        FolderItem(
            key: key, path: file.path, textPaths: texts.map(\.path), signature: signature(of: file), isCollision: false,
            byteCount: file.facts.byteCount)
    }

    private func item(_ file: FolderFile, isCollision: Bool) -> FolderItem {
        FolderItem(
            key: isCollision ? file.path : key, path: file.path, textPaths: texts.map(\.path),
            signature: signature(of: file), isCollision: isCollision, byteCount: file.facts.byteCount)
    }

    /// What a file is; `nil` if it cannot be read, which is found again and reported when the sample is read.
    private static func content(of file: FolderFile, rootPath: String) -> ContentKind? {
        do throws(ShardError) {
            return try ContentKind.ofFile(FolderSamples.open(file.path, rootPath: rootPath))
        } catch {
            return nil
        }
    }
}

/// Reads the samples of folders.
public enum FolderSamples {
    /// Reads the image and the texts of `item`. Whatever is wrong with them gives a rejected item; nothing is thrown.
    ///
    /// - Parameter readsImages: whether the image is read whole; if not, only its first bytes are.
    public static func read(
        _ item: FolderItem, ordinal: UInt32, rootPath: String, readsImages: Bool = true,
        limits: ShardLimits = ShardLimits()
    ) -> ShardItem {
        do throws(ShardError) {
            let image = try image(item.path, rootPath: rootPath, readsWhole: readsImages, limits: limits)
            var texts: [TextMember] = []
            for path in item.textPaths {
                let suffix = SampleKey.inFolder(TextFromBytes.bytes(ofText: path)).suffix
                texts.append(
                    TextMember(
                        suffix: String(decoding: suffix, as: UTF8.self), byteOffset: 0,
                        bytes: try bytes(
                            path, rootPath: rootPath, limit: limits.maximumTextByteCount, what: "a text")))
            }
            return .sample(FoundSample(ordinal: ordinal, key: item.key, image: image, texts: texts))
        } catch {
            return .rejected(
                RejectedItem(
                    ordinal: ordinal, key: item.key, byteOffset: error.byteOffset ?? 0, code: error.code,
                    reason: error.cause.map { "\(error.message) (\($0))" } ?? error.message))
        }
    }

    /// An image file; its first bytes only unless `readsWhole`.
    static func image(
        _ path: String, rootPath: String, readsWhole: Bool, limits: ShardLimits
    ) throws(ShardError) -> ImageMember {
        let file = try open(path, rootPath: rootPath)
        let byteCount = file.facts.byteCount
        guard byteCount <= limits.maximumImageByteCount, let range = ByteRange(checkedOffset: 0, byteCount: byteCount)
        else { throw ShardError(.memberTooLarge, "an image of \(byteCount) bytes is over the limit", byteOffset: 0) }
        let prefixByteCount = Int64(ImageFormat.recognitionByteCount)
        let bytes = try file.bytes(0..<(readsWhole ? byteCount : min(byteCount, prefixByteCount)))
        guard ContentKind.isImage(bytes) else {
            throw ShardError(.imageMissing, "the file is not JPEG, PNG, WebP, HEIC or AVIF by content", byteOffset: 0)
        }
        return ImageMember(location: MemberLocation(path: path, range: range), bytes: bytes)
    }

    static func open(_ path: String, rootPath: String) throws(ShardError) -> ReadOnlyFile {
        let bytes = FolderListing.join(
            TextFromBytes.bytes(ofText: rootPath), TextFromBytes.bytes(ofText: path))
        return try ReadOnlyFile(pathBytes: bytes, path: TextFromBytes.text(ofBytes: bytes))
    }

    private static func bytes(
        _ path: String, rootPath: String, limit: Int64, what: String
    ) throws(ShardError) -> [UInt8] {
        let file = try open(path, rootPath: rootPath)
        guard file.facts.byteCount <= limit else {
            throw ShardError(
                .memberTooLarge, "\(what) of \(file.facts.byteCount) bytes is over the limit", byteOffset: 0)
        }
        return try file.bytes(0..<file.facts.byteCount)
    }
}

/// Finds the texts beside files that are known from an earlier walk. The listing of the folder last asked for is kept,
/// so asking in the order of paths lists each folder once.
public struct FolderLookup {
    private let root: [UInt8]
    private var folder: [UInt8]?
    private var groups: [PathKey: FolderGroup] = [:]

    /// Looks below `rootPath`, given as text.
    public init(rootPath: String) {
        root = TextFromBytes.bytes(ofText: rootPath)
    }

    /// The item of the file at `path` (relative to the root) under its recorded key; `nil` if the file is gone.
    public mutating func item(forFileAt path: String, key: String) -> FolderItem? {
        let bytes = TextFromBytes.bytes(ofText: path)
        let folder = bytes.lastIndex(of: UInt8(ascii: "/")).map { Array(bytes[..<$0]) } ?? []
        if folder != self.folder {
            groups = [:]
            self.folder = folder
            do throws(ShardError) {
                for case .group(let group) in try FolderListing(root: root, folder: folder).entries {
                    groups[PathKey(group.key)] = group
                }
            } catch {
                // A folder that cannot be listed holds nothing that could be read: its files count as gone.
                groups = [:]
            }
        }
        let group = groups[PathKey(TextFromBytes.text(ofBytes: SampleKey.inFolder(bytes).key))]
        guard let group, let file = group.candidates.first(where: { $0.path.utf8.elementsEqual(path.utf8) })
        else { return nil }
        return group.knownItem(file, key: key)
    }
}
