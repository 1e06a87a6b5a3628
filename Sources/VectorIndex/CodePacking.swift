import ByteFormats
import CKernels

/// The packed form of upper codes: 158 bytes a row instead of 256 at D = 512, unpacked at the speed of a few instructions a
/// byte (`index_packing.h` has the layout).
enum CodePacking {
    /// Packs rows [N, D / 2]: u16 byte counts of escapes, bases, escapes.
    static func packed(_ high: [UInt8], signs: [UInt8], codeDimension: Int) -> [UInt8] {
        let rowCount = high.count * 2 / codeDimension
        precondition(
            high.count == rowCount * codeDimension / 2 && signs.count == rowCount * codeDimension / 8,
            "packed: \(high.count) bytes of codes, \(signs.count) of signs")
        var sizes = ByteWriter(capacity: rowCount * 2)
        var bases = [UInt8](repeating: 0, count: rowCount * codeDimension / 4)
        var escapes = [UInt8](repeating: 0, count: rowCount * codeDimension * 3 / 8)
        var used = 0
        unsafe high.withUnsafeBufferPointer { high in
            unsafe signs.withUnsafeBufferPointer { signs in
                unsafe bases.withUnsafeMutableBufferPointer { bases in
                    unsafe escapes.withUnsafeMutableBufferPointer { escapes in
                        guard let high = high.baseAddress, let signs = signs.baseAddress,
                            let base = bases.baseAddress, let escape = escapes.baseAddress
                        else { return }
                        for row in 0..<rowCount {
                            // Every row has its own part of each, and room for the most escapes a row can have.
                            let count = unsafe vlm_pack_magnitudes(
                                high + row * codeDimension / 2, signs + row * codeDimension / 8, codeDimension,
                                base + row * codeDimension / 4, escape + used)
                            sizes.write(UInt16(count))
                            used += count
                        }
                    }
                }
            }
        }
        return sizes.bytes + bases + escapes.prefix(used)
    }
}
