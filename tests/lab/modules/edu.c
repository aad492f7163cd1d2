// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * edu - drives QEMU's educational PCI device (1234:11e8) from a guest, for the
 * lab. What a test wants it asks by files in the device's sysfs directory:
 *
 *	mode		"intx" or "msi"; module parameter msi=0 asks for INTx
 *	irqs		interrupts counted
 *	raise		write N: N interrupts, one after the other, each awaited
 *	raise_late	write N: the same, but the next one is raised before the
 *			former is acknowledged, so that the line never sinks
 *	factorial	write N: computed by the device, awaited; read: result
 *	ram		a page of this module's, which the device can reach
 *	ram_bus		the page's address on the bus
 *	dma		write "read|write ADDR COUNT": the device copies from, or
 *			to, any bus address, by way of its buffer of 4 KiB;
 *			awaited by interrupt
 *
 * A write fails with ETIMEDOUT when the interrupt does not come.
 */
#include <linux/completion.h>
#include <linux/dma-mapping.h>
#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/version.h>

#define EDU_LIVENESS 0x04
#define EDU_FACTORIAL 0x08
#define EDU_STATUS 0x20
#define EDU_STATUS_IRQ 0x80
#define EDU_IRQ_STATUS 0x24
#define EDU_IRQ_RAISE 0x60
#define EDU_IRQ_ACK 0x64
#define EDU_DMA_SRC 0x80
#define EDU_DMA_DST 0x88
#define EDU_DMA_COUNT 0x90
#define EDU_DMA_CMD 0x98
#define EDU_DMA_START 0x01
#define EDU_DMA_TO_RAM 0x02
#define EDU_DMA_IRQ 0x04
#define EDU_BUFFER 0x40000
#define EDU_BUFFER_SIZE 4096

#define TIMEOUT (10 * HZ)

static bool msi = true;
module_param(msi, bool, 0444);

struct edu {
	struct pci_dev *pdev;
	void __iomem *regs;
	struct mutex lock; /* one request at a time */
	struct completion done;
	atomic_t irqs;
	atomic_t late; /* still to be raised, before acknowledging */
	void *ram;
	dma_addr_t ram_bus;
};

static irqreturn_t edu_irq(int irq, void *data)
{
	struct edu *edu = data;
	u32 status = readl(edu->regs + EDU_IRQ_STATUS);

	if (!status)
		return IRQ_NONE;
	atomic_inc(&edu->irqs);
	/* One bit after the other: there is always one that is raised. */
	if (atomic_add_unless(&edu->late, -1, 0)) {
		writel(status == 1 ? 2 : 1, edu->regs + EDU_IRQ_RAISE);
		writel(status, edu->regs + EDU_IRQ_ACK);
		return IRQ_HANDLED;
	}
	writel(status, edu->regs + EDU_IRQ_ACK);
	complete(&edu->done);
	return IRQ_HANDLED;
}

static int edu_wait(struct edu *edu)
{
	return wait_for_completion_timeout(&edu->done, TIMEOUT) ? 0 :
								  -ETIMEDOUT;
}

/* Writes a register, and waits for the interrupt that it leads to. */
static int edu_do(struct edu *edu, u32 val, unsigned int reg)
{
	reinit_completion(&edu->done);
	writel(val, edu->regs + reg);
	return edu_wait(edu);
}

static ssize_t mode_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	return sysfs_emit(buf, "%s\n",
			  to_pci_dev(dev)->msi_enabled ? "msi" : "intx");
}
static DEVICE_ATTR_RO(mode);

static ssize_t irqs_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	struct edu *edu = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%d\n", atomic_read(&edu->irqs));
}
static DEVICE_ATTR_RO(irqs);

static ssize_t raise_store(struct device *dev, struct device_attribute *attr,
			   const char *buf, size_t count)
{
	struct edu *edu = dev_get_drvdata(dev);
	unsigned int n;
	int r = kstrtouint(buf, 0, &n);

	mutex_lock(&edu->lock);
	for (; !r && n; n--)
		r = edu_do(edu, 1, EDU_IRQ_RAISE);
	mutex_unlock(&edu->lock);
	return r ? r : count;
}
static DEVICE_ATTR_WO(raise);

static ssize_t raise_late_store(struct device *dev,
				struct device_attribute *attr, const char *buf,
				size_t count)
{
	struct edu *edu = dev_get_drvdata(dev);
	unsigned int n;
	int r = kstrtouint(buf, 0, &n);

	if (r || !n)
		return r ? r : count;
	mutex_lock(&edu->lock);
	atomic_set(&edu->late, n - 1);
	r = edu_do(edu, 1, EDU_IRQ_RAISE);
	atomic_set(&edu->late, 0);
	mutex_unlock(&edu->lock);
	return r ? r : count;
}
static DEVICE_ATTR_WO(raise_late);

static ssize_t factorial_store(struct device *dev,
			       struct device_attribute *attr, const char *buf,
			       size_t count)
{
	struct edu *edu = dev_get_drvdata(dev);
	unsigned int n;
	int r = kstrtouint(buf, 0, &n);

	if (r)
		return r;
	mutex_lock(&edu->lock);
	writel(EDU_STATUS_IRQ, edu->regs + EDU_STATUS);
	r = edu_do(edu, n, EDU_FACTORIAL);
	writel(0, edu->regs + EDU_STATUS);
	mutex_unlock(&edu->lock);
	return r ? r : count;
}

static ssize_t factorial_show(struct device *dev, struct device_attribute *attr,
			      char *buf)
{
	struct edu *edu = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%u\n", readl(edu->regs + EDU_FACTORIAL));
}
static DEVICE_ATTR_RW(factorial);

static ssize_t ram_bus_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	struct edu *edu = dev_get_drvdata(dev);

	return sysfs_emit(buf, "0x%llx\n", (unsigned long long)edu->ram_bus);
}
static DEVICE_ATTR_RO(ram_bus);

static ssize_t dma_store(struct device *dev, struct device_attribute *attr,
			 const char *buf, size_t count)
{
	struct edu *edu = dev_get_drvdata(dev);
	unsigned long long addr;
	unsigned int n;
	char dir[8];
	bool to_ram;
	int r;

	if (sscanf(buf, "%7s %lli %i", dir, &addr, &n) != 3 || !n ||
	    n > EDU_BUFFER_SIZE)
		return -EINVAL;
	to_ram = !strcmp(dir, "write");
	if (!to_ram && strcmp(dir, "read"))
		return -EINVAL;
	mutex_lock(&edu->lock);
	reinit_completion(&edu->done);
	writeq(to_ram ? EDU_BUFFER : addr, edu->regs + EDU_DMA_SRC);
	writeq(to_ram ? addr : EDU_BUFFER, edu->regs + EDU_DMA_DST);
	writeq(n, edu->regs + EDU_DMA_COUNT);
	writeq(EDU_DMA_START | EDU_DMA_IRQ | (to_ram ? EDU_DMA_TO_RAM : 0),
	       edu->regs + EDU_DMA_CMD);
	r = edu_wait(edu);
	mutex_unlock(&edu->lock);
	return r ? r : count;
}
static DEVICE_ATTR_WO(dma);

static struct attribute *edu_attrs[] = {
	&dev_attr_mode.attr,	  &dev_attr_irqs.attr,
	&dev_attr_raise.attr,	  &dev_attr_raise_late.attr,
	&dev_attr_factorial.attr, &dev_attr_ram_bus.attr,
	&dev_attr_dma.attr,	  NULL,
};

static const struct attribute_group edu_group = { .attrs = edu_attrs };

static ssize_t ram_access(struct edu *edu, char *buf, loff_t off, size_t count,
			  bool write)
{
	if (write)
		memcpy(edu->ram + off, buf, count);
	else
		memcpy(buf, edu->ram + off, count);
	return count;
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
#define BIN_ATTR_CONST const
#else
#define BIN_ATTR_CONST
#endif

static ssize_t ram_read(struct file *file, struct kobject *kobj,
			BIN_ATTR_CONST struct bin_attribute *attr, char *buf,
			loff_t off, size_t count)
{
	return ram_access(dev_get_drvdata(kobj_to_dev(kobj)), buf, off, count,
			  false);
}

static ssize_t ram_write(struct file *file, struct kobject *kobj,
			 BIN_ATTR_CONST struct bin_attribute *attr, char *buf,
			 loff_t off, size_t count)
{
	return ram_access(dev_get_drvdata(kobj_to_dev(kobj)), buf, off, count,
			  true);
}

static struct bin_attribute ram_attr = {
	.attr = { .name = "ram", .mode = 0600 },
	.size = EDU_BUFFER_SIZE,
	.read = ram_read,
	.write = ram_write,
};

static int edu_set_up(struct edu *edu)
{
	struct pci_dev *pdev = edu->pdev;
	int r = pcim_enable_device(pdev);

	if (!r)
		r = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (r)
		return r;
	edu->regs = pcim_iomap(pdev, 0, 0);
	edu->ram = dmam_alloc_coherent(&pdev->dev, EDU_BUFFER_SIZE,
				       &edu->ram_bus, GFP_KERNEL);
	if (!edu->regs || !edu->ram)
		return -ENOMEM;
	writel(0x12345678, edu->regs + EDU_LIVENESS);
	if (readl(edu->regs + EDU_LIVENESS) != ~0x12345678)
		return -EIO;
	writel(~0u, edu->regs + EDU_IRQ_ACK);
	pci_set_master(pdev);
	return 0;
}

static int edu_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct edu *edu = devm_kzalloc(&pdev->dev, sizeof(*edu), GFP_KERNEL);
	int r;

	if (!edu)
		return -ENOMEM;
	edu->pdev = pdev;
	mutex_init(&edu->lock);
	init_completion(&edu->done);
	pci_set_drvdata(pdev, edu);
	r = edu_set_up(edu);
	if (r)
		return r;
	r = pci_alloc_irq_vectors(pdev, 1, 1, msi ? PCI_IRQ_MSI : PCI_IRQ_INTX);
	if (r < 0)
		return r;
	r = request_irq(pci_irq_vector(pdev, 0), edu_irq, IRQF_SHARED, "edu",
			edu);
	if (r)
		goto free_vectors;
	r = sysfs_create_bin_file(&pdev->dev.kobj, &ram_attr);
	if (r)
		goto free_irq;
	r = sysfs_create_group(&pdev->dev.kobj, &edu_group);
	if (!r)
		return 0;
	sysfs_remove_bin_file(&pdev->dev.kobj, &ram_attr);
free_irq:
	free_irq(pci_irq_vector(pdev, 0), edu);
free_vectors:
	pci_free_irq_vectors(pdev);
	return r;
}

static void edu_remove(struct pci_dev *pdev)
{
	struct edu *edu = pci_get_drvdata(pdev);

	sysfs_remove_group(&pdev->dev.kobj, &edu_group);
	sysfs_remove_bin_file(&pdev->dev.kobj, &ram_attr);
	free_irq(pci_irq_vector(pdev, 0), edu);
	pci_free_irq_vectors(pdev);
}

static const struct pci_device_id edu_ids[] = { { PCI_DEVICE(0x1234, 0x11e8) },
						{} };
MODULE_DEVICE_TABLE(pci, edu_ids);

static struct pci_driver edu_driver = {
	.name = "edu",
	.id_table = edu_ids,
	.probe = edu_probe,
	.remove = edu_remove,
};
module_pci_driver(edu_driver);

MODULE_DESCRIPTION("QEMU's educational device, for the lab");
MODULE_LICENSE("Dual BSD/GPL");
