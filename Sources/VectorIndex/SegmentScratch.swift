import ByteFormats
import CKernels

/// Buffers and a decompressor that one worker reuses from group to group.
struct SegmentScratch: ~Copyable {
    var stored: [UInt8] = []
    var split: [UInt8] = []
    var halves: [UInt16] = []
    var fine: [UInt8] = []
    var prediction: [Float] = []
    var decompressor = ZstdDecompressor()
    var codeReader = CodeReader()
    /// With the segments, so that no other one can have the identity of one that is gone.
    private var ids: [GroupKey: (segment: IndexSegment, ids: [UInt64])] = [:]

    /// A group of one of the segments that the scratch is used for.
    private struct GroupKey: Hashable {
        let segment: ObjectIdentifier
        let group: Int
    }

    /// Groups whose ids are kept: 2 kB each.
    private static let knownGroupLimit = 64

    /// The ids of a group of which single ones are wanted, perhaps several in turn.
    mutating func ids(of segment: IndexSegment, group: Int) throws -> [UInt64] {
        let key = GroupKey(segment: ObjectIdentifier(segment), group: group)
        if let known = ids[key] { return known.ids }
        let read = try segment.readIDs(group: group, scratch: &self)
        if ids.count >= Self.knownGroupLimit { ids.removeAll(keepingCapacity: true) }
        ids[key] = (segment, read)
        return read
    }

    mutating func resizeHalves(_ count: Int) {
        if halves.count > count {
            halves.removeLast(halves.count - count)
        } else if halves.count < count {
            halves.append(contentsOf: repeatElement(0, count: count - halves.count))
        }
    }

    /// Byte-split, compressed elements, which are a run of the stored bytes, to some of the elements.
    mutating func unpackStored(_ range: Range<Int>, toHalvesAt start: Int, count: Int) throws(ByteFormatError) {
        let frame = stored
        unsafe try decompressor.decompress(frame.span.bytes.extracting(range), byteCount: count * 2, into: &split)
        precondition(start + count <= halves.count && split.count == count * 2, "unpackStored: \(range)")
        let bytes = split
        // The sizes of both sides were just checked.
        unsafe bytes.withUnsafeBufferPointer { bytes in
            unsafe halves.withUnsafeMutableBufferPointer { halves in
                guard let from = bytes.baseAddress, let to = halves.baseAddress else { return }
                unsafe vlm_byte_join_16(from, to + start, count)
            }
        }
    }

    /// Little-endian bytes to elements; both have been sized by the table.
    mutating func copyStoredToHalves() {
        precondition(stored.count == halves.count * 2, "copyStoredToHalves: \(stored.count), \(halves.count)")
        unsafe halves.withUnsafeMutableBytes { unsafe $0.copyBytes(from: stored) }
    }
}
