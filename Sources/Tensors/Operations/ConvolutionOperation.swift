import Kernels

extension Tape {
    /// y = f(x ⊛ W + b): a square convolution with zero padding over images [batch · height · width, channels].
    ///
    /// W is [outputChannelCount, kernel, kernel, channels]; the result is [batch · output places, outputChannelCount].
    public func convolution(
        _ x: TapeValue, shape: ConvolutionShape, weight: ParameterSpan, bias: ParameterSpan, outputChannelCount: Int,
        activation: ActivationFunction
    ) -> TapeValue {
        let placeCount = shape.height * shape.width
        precondition(
            x.columnCount == shape.channelCount && x.rowCount.isMultiple(of: placeCount),
            "convolution: input [\(x.rowCount), \(x.columnCount)] for images \(shape.height) × \(shape.width) × \(shape.channelCount)"
        )
        precondition(
            weight.count == outputChannelCount * shape.columnCount && bias.count == outputChannelCount,
            "convolution: weight of \(weight.count), bias of \(bias.count) for \(shape.columnCount) → \(outputChannelCount)"
        )
        let batchCount = x.rowCount / placeCount
        let rowCount = batchCount * shape.outputPlaceCount
        let y = allocate(rowCount, outputChannelCount)
        let derivative = allocateCache(rowCount * outputChannelCount)
        workspaces.withWorkspace { workspace in
            let columns = workspace.scratch(rowCount * shape.columnCount)
            ConvolutionKernels.imageToColumns(region(of: x), into: columns, batchCount: batchCount, shape: shape)
            LinearKernel.applyActivated(
                columns, weight: parameterRegion(weight), bias: parameterRegion(bias), activation: activation,
                into: region(of: y), derivative: derivative, rowCount: rowCount, inputWidth: shape.columnCount,
                outputWidth: outputChannelCount)
        }
        record(
            .convolution(
                ConvolutionOperation(
                    x: x, shape: shape, batchCount: batchCount, weight: weight, bias: bias, derivative: derivative,
                    output: y)))
        return y
    }
}

/// y = f(h), h = U·Wᵀ + b where row r of U is what output place r looks at (U = unfold(x)). With dh = dy ∘ f′(h):
/// dW += dhᵀ·U, db += column sums of dh, dU = dh·W, dx = fold(dU), the transpose of unfold.
/// Keeps x and f′(h); U is nine times x and made anew.
struct ConvolutionOperation {
    let x: TapeValue
    let shape: ConvolutionShape
    let batchCount: Int
    let weight: ParameterSpan
    let bias: ParameterSpan
    let derivative: FloatRegion
    let output: TapeValue

    func backward(_ pass: BackwardPass) {
        guard let gradient = pass.gradient(of: output) else { return }
        RowKernels.activationBackward(
            gradient: gradient, derivative: derivative, biasGradient: pass.parameterGradient(bias),
            rowCount: output.rowCount, columnCount: output.columnCount)
        let columns = pass.workspace.scratch(output.rowCount * shape.columnCount)
        ConvolutionKernels.imageToColumns(
            pass.tape.region(of: x), into: columns, batchCount: batchCount, shape: shape)
        MatrixProduct.multiply(
            gradient, isLeftTransposed: true, by: columns, into: pass.parameterGradient(weight),
            rowCount: output.columnCount, columnCount: shape.columnCount, depth: output.rowCount, beta: 1)
        if let target = pass.zeroedTarget(for: x) {
            MatrixProduct.multiply(
                gradient, by: pass.tape.parameterRegion(weight), into: columns, rowCount: output.rowCount,
                columnCount: shape.columnCount, depth: output.columnCount)
            ConvolutionKernels.addColumnsToImage(columns, to: target, batchCount: batchCount, shape: shape)
        }
        pass.release(output)
    }
}
