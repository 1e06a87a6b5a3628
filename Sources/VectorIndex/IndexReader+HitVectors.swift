import ByteFormats
import CKernels

/// Where a hit's row was read. It is not part of what the hit is: all places are equal.
struct HitPlace: Sendable, Hashable {
    var segment: Int32 = -1
    var group: Int32 = -1
    var row: Int32 = -1

    static func == (left: HitPlace, right: HitPlace) -> Bool { true }
    func hash(into hasher: inout Hasher) {}
}

extension IndexReader {
    /// Vectors of hits of this reader whose inner products with each other are those of the stored vectors: exactly (in
    /// Float32) where vectors are kept, estimates from the codes otherwise. They say nothing beside vectors of others.
    ///
    /// - Throws: `damaged` if a checksum does not match. Traps for hits of another reader.
    public func mutualVectors(of hits: [SearchHit]) throws -> [[Float]] {
        var vectors = [[Float]](repeating: [], count: hits.count)
        var groups: [Int64: [Int]] = [:]
        for (position, hit) in hits.enumerated() {
            precondition(segments.indices.contains(Int(hit.place.segment)), "a hit of another index")
            groups[Int64(hit.place.segment) << 32 | Int64(hit.place.group), default: []].append(position)
        }
        var scratch = SegmentScratch()
        var codeReader = CodeReader()
        for positions in groups.values {
            let place = hits[positions[0]].place
            let segment = segments[Int(place.segment)]
            let group = Int(place.group)
            if segment.header.profile.hasVectors {
                try segment.readVectors(group: group, scratch: &scratch)
                for position in positions {
                    let start = Int(hits[position].place.row) * dimension
                    let vector = HalfPrecision.widen(Array(scratch.halves[start..<start + dimension]))
                    vectors[position] = codec.map { $0.rotated(vector) } ?? vector
                }
            } else if let codec {
                let codes = try codeReader.codes(of: segment, group: group, need: .all)
                for position in positions {
                    vectors[position] = codes.copy(
                        Int(hits[position].place.row)..<Int(hits[position].place.row) + 1
                    ).rotatedVector(codec: codec)
                }
            }
        }
        return vectors
    }
}

extension RowCodes {
    /// The vector of the first row as its code has it, rotated: [D].
    fileprivate func rotatedVector(codec: VectorCodec) -> [Float] {
        let half = width / 2
        return (0..<width).map { index in
            let shift: UInt8 = index < half ? 0 : 4
            let upper = Float(high[index % half] >> shift & 15)
            guard !low.isEmpty else { return codec.rotatedMean[index] + Float(half: factors[0].scale4) * (upper - 7.5) }
            let code = 16 * upper + Float(low[index % half] >> shift & 15)
            return codec.rotatedMean[index] + factors[0].scale8 * (code - 127.5)
        }
    }
}
