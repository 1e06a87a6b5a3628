import SampleCatalog
import Shards

/// The files of a data set that the catalog knows below a folder, and what a walk has seen of them: 25 bytes for each.
struct KnownFiles {
    /// What a walk found of a file.
    enum Sight: UInt8 {
        case unseen, changed, unchanged
    }

    private struct Entry {
        /// Hash of the path within this process. Two paths of one hash among N files have a chance of N² ∕ 2⁶⁵.
        let path: UInt64
        /// First 8 bytes of the signature.
        let signature: UInt64
    }

    private var entries: [Entry] = []
    private var sights: [UInt8] = []
    /// Files that were there when they were last looked for.
    private(set) var liveCount = 0
    private(set) var seenCount = 0

    /// Loads the files of `shards` that lie below `folder`, relative to the root.
    init(catalog: SampleCatalog, shards: [CatalogShard], folder: String) throws {
        for shard in shards {
            for file in try catalog.files(ofShard: shard.id) {
                guard folder.isEmpty || SourcePath.relative(file.path, to: folder) != nil else { continue }
                entries.append(Entry(path: KnownFiles.hash(file.path), signature: file.signature.prefix64))
                if !file.isGone { liveCount += 1 }
            }
        }
        entries.sort { $0.path < $1.path }
        sights = [UInt8](repeating: Sight.unseen.rawValue, count: entries.count)
    }

    var isEmpty: Bool { entries.isEmpty }

    /// Whether the file is known.
    func contains(_ path: String) -> Bool { index(of: path) != nil }

    /// Notes that the file was seen; `false` if it is not known.
    mutating func see(_ path: String, signature: () -> UInt64) -> Bool {
        guard let index = index(of: path) else { return false }
        if sights[index] == Sight.unseen.rawValue { seenCount += 1 }
        let isSame = entries[index].signature == signature()
        sights[index] = (isSame ? Sight.unchanged : .changed).rawValue
        return true
    }

    /// What was found of the file.
    func sight(of path: String) -> Sight {
        index(of: path).flatMap { Sight(rawValue: sights[$0]) } ?? .unseen
    }

    private static func hash(_ path: String) -> UInt64 {
        // Bytes, for strings of different bytes may be equal.
        var hasher = Hasher()
        var path = path
        path.withUTF8 { unsafe hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        return UInt64(bitPattern: Int64(hasher.finalize()))
    }

    private func index(of path: String) -> Int? {
        let wanted = KnownFiles.hash(path)
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].path < wanted { low = middle + 1 } else { high = middle }
        }
        return low < entries.count && entries[low].path == wanted ? low : nil
    }
}
