import SampleCatalog
import Shards

/// The rows of a manifest that the catalog knows, and what a reading has seen of them: 41 bytes for each.
///
/// A row is the same if image and key are. Rows mostly come in the order in which they were recorded, so the next one is
/// tried first; where the order was disturbed they are looked up. Of several rows with the same image and key each
/// stands for one.
struct KnownRows {
    /// Where a row was seen.
    struct Sight {
        let offset: Int64
        let number: Int
        let isUnchanged: Bool
    }

    private var identities: [UInt64] = []
    private var signatures: [UInt64] = []
    private var sights: [Sight?] = []
    private var firstPositions: [ShardID: Int] = [:]
    private var next = 0
    private var byIdentity: [Int]?

    init(catalog: SampleCatalog, shards: [CatalogShard]) throws {
        for shard in shards {
            firstPositions[shard.id] = identities.count
            for file in try catalog.files(ofShard: shard.id) {
                identities.append(KnownRows.hash(file.path, file.key))
                signatures.append(file.signature.prefix64)
            }
        }
        sights = [Sight?](repeating: nil, count: identities.count)
    }

    /// Notes that a row was seen; `false` if it is not known.
    mutating func see(_ item: ManifestItem, signature: UInt64) -> Bool {
        guard let position = position(of: KnownRows.hash(item.path, item.key)) else { return false }
        sights[position] = Sight(
            offset: item.offset, number: item.number, isUnchanged: signatures[position] == signature)
        next = position + 1
        return true
    }

    /// What was seen of the `index`-th file that the catalog keeps of a shard.
    func sight(ofFile index: Int, inShard shard: ShardID) -> Sight? {
        firstPositions[shard].flatMap { sights[$0 + index] }
    }

    private mutating func position(of identity: UInt64) -> Int? {
        if next < identities.count, identities[next] == identity, sights[next] == nil { return next }
        let sorted = byIdentity ?? identities.indices.sorted { (identities[$0], $0) < (identities[$1], $1) }
        byIdentity = sorted
        var low = 0
        var high = sorted.count
        while low < high {
            let middle = (low + high) / 2
            if identities[sorted[middle]] < identity { low = middle + 1 } else { high = middle }
        }
        while low < sorted.count, identities[sorted[low]] == identity {
            if sights[sorted[low]] == nil { return sorted[low] }
            low += 1
        }
        return nil
    }

    private static func hash(_ path: String, _ key: String) -> UInt64 {
        var hasher = Hasher()
        for byte in path.utf8 { hasher.combine(byte) }
        hasher.combine(UInt8(0))
        for byte in key.utf8 { hasher.combine(byte) }
        return UInt64(bitPattern: Int64(hasher.finalize()))
    }
}
