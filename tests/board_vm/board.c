// SPDX-License-Identifier: GPL-2.0
/*
 * A Jetson TX1 as far as sysfs shows it, for tests on any machine: the kernel's own cpufreq, devfreq,
 * hwmon and thermal cores on top of two made-up clocks that can be told to misbehave.
 *
 * Faults, under /sys/module/board/parameters/, one set for each of cpu_ and gpu_ (0 = no fault):
 *   *_refuse             1: every change of the clock fails with EIO and the clock stays as it is
 *   *_clamp_khz          a change takes effect, but never above this
 *   *_delay_ms           a change takes effect only so long after it was asked for
 *   *_throttle_khz       writing it starts a throttle: the clock falls to this, asked for or not
 *   *_throttle_after_ms  how long after that write the throttle begins (write this one first)
 *   *_temp_mc            what the thermal zone reads, in millidegrees Celsius
 */
#include <linux/cpufreq.h>
#include <linux/devfreq.h>
#include <linux/hwmon.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/pm_opp.h>
#include <linux/spinlock.h>
#include <linux/thermal.h>
#include <linux/workqueue.h>

struct clock {
	unsigned int lowest_khz, highest_khz;
	unsigned int mw_per_ghz_v2;	/* power = this * GHz * V^2 */

	unsigned int from_khz, to_khz;	/* the clock before `due`, and from then on */
	ktime_t due, throttle_start;

	unsigned int refuse, clamp_khz, delay_ms, throttle_khz, throttle_after_ms;
	int temp_mc;
};

/* The CPU steps of L4T 24.2.1 and the GPU steps of the Tegra X1. */
static struct cpufreq_frequency_table cpu_steps[] = {
	{ .frequency = 102000 },  { .frequency = 204000 },  { .frequency = 307200 },  { .frequency = 403200 },
	{ .frequency = 518400 },  { .frequency = 614400 },  { .frequency = 710400 },  { .frequency = 825600 },
	{ .frequency = 921600 },  { .frequency = 1036800 }, { .frequency = 1132800 }, { .frequency = 1224000 },
	{ .frequency = 1326000 }, { .frequency = 1428000 }, { .frequency = 1555500 }, { .frequency = 1632000 },
	{ .frequency = 1734000 }, { .frequency = CPUFREQ_TABLE_END },
};
#define GPU_STEPS 13
#define GPU_STEP_KHZ 76800

static struct clock cpu = {
	.lowest_khz = 102000, .highest_khz = 1734000, .to_khz = 102000, .mw_per_ghz_v2 = 2300, .temp_mc = 41000,
};
static struct clock gpu = {
	.lowest_khz = GPU_STEP_KHZ, .highest_khz = GPU_STEPS * GPU_STEP_KHZ, .to_khz = GPU_STEP_KHZ,
	.mw_per_ghz_v2 = 6500, .temp_mc = 40000,
};
static DEFINE_SPINLOCK(clocks_lock);
static struct cpufreq_policy *cpu_policy;

static unsigned int current_khz(const struct clock *c)
{
	ktime_t now = ktime_get();
	unsigned int khz;

	spin_lock(&clocks_lock);
	khz = ktime_before(now, c->due) ? c->from_khz : c->to_khz;
	if (c->throttle_khz && !ktime_before(now, c->throttle_start))
		khz = clamp(c->throttle_khz, c->lowest_khz, khz);
	spin_unlock(&clocks_lock);
	return khz;
}

/* The cores make one request at a time of each clock. */
static int request_khz(struct clock *c, unsigned int khz)
{
	unsigned int now_khz = current_khz(c);

	if (c->refuse)
		return -EIO;
	if (c->clamp_khz)
		khz = min(khz, c->clamp_khz);
	spin_lock(&clocks_lock);
	if (khz != c->to_khz) {		/* a repeated request must not start the delay afresh */
		c->from_khz = now_khz;
		c->to_khz = khz;
		c->due = ktime_add_ms(ktime_get(), c->delay_ms);
	}
	spin_unlock(&clocks_lock);
	return 0;
}

/* ---- CPU: the cpufreq core shows the last clock it was told of, so it must be told of every change ---- */

static DEFINE_MUTEX(telling);	/* or a slow teller could announce what is no longer so */

static void tell_cpufreq(struct work_struct *unused)
{
	struct cpufreq_freqs freqs = { 0 };

	mutex_lock(&telling);
	freqs.old = cpu_policy->cur;
	freqs.new = current_khz(&cpu);
	if (freqs.old != freqs.new) {
		cpufreq_freq_transition_begin(cpu_policy, &freqs);
		cpufreq_freq_transition_end(cpu_policy, &freqs, 0);
	}
	mutex_unlock(&telling);
}
static DECLARE_DELAYED_WORK(tell_when_due, tell_cpufreq);
static DECLARE_DELAYED_WORK(tell_when_throttled, tell_cpufreq);

static int cpu_target(struct cpufreq_policy *policy, unsigned int khz, unsigned int relation)
{
	int err = request_khz(&cpu, khz);

	if (err)
		return err;
	tell_cpufreq(NULL);
	if (cpu.delay_ms)
		mod_delayed_work(system_wq, &tell_when_due, msecs_to_jiffies(cpu.delay_ms) + 1);
	return 0;
}

static unsigned int cpu_get(unsigned int unused)
{
	return current_khz(&cpu);
}

static int cpu_policy_init(struct cpufreq_policy *policy)
{
	cpu_policy = policy;
	cpumask_setall(policy->cpus);	/* one clock for all CPUs, as on a TX1 */
	policy->freq_table = cpu_steps;
	policy->cpuinfo.transition_latency = 300 * NSEC_PER_USEC;
	return 0;
}

static struct cpufreq_driver cpu_driver = {
	.name = "tegra",
	/* ASYNC: the driver announces its changes itself. LIMITS: it hears of every write, changed or not. */
	.flags = CPUFREQ_ASYNC_NOTIFICATION | CPUFREQ_NEED_UPDATE_LIMITS,
	.init = cpu_policy_init,
	.verify = cpufreq_generic_frequency_table_verify,
	.target = cpu_target,
	.get = cpu_get,
	.attr = cpufreq_generic_attr,
};

/* ---- GPU ---- */

static int gpu_target(struct device *dev, unsigned long *hz, u32 flags)
{
	struct dev_pm_opp *step = devfreq_recommended_opp(dev, hz, flags);

	if (IS_ERR(step))
		return PTR_ERR(step);
	dev_pm_opp_put(step);
	return request_khz(&gpu, *hz / 1000);
}

static int gpu_get(struct device *dev, unsigned long *hz)
{
	*hz = current_khz(&gpu) * 1000UL;
	return 0;
}

static int gpu_status(struct device *dev, struct devfreq_dev_status *status)
{
	/* A steady light load: left alone, the governor takes the clock down to the lowest step. */
	status->busy_time = 10;
	status->total_time = 100;
	return gpu_get(dev, &status->current_frequency);
}

static struct devfreq_dev_profile gpu_profile = {
	.initial_freq = GPU_STEP_KHZ * 1000UL,
	.polling_ms = 50,
	.timer = DEVFREQ_TIMER_DELAYED,
	.target = gpu_target,
	.get_cur_freq = gpu_get,
	.get_dev_status = gpu_status,
};

/* This kernel has no device tree; the one file of it that finds the GPU on a Jetson is shown all the same. */
static ssize_t name_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	memcpy(buf, "gpu", 4);	/* device tree strings end with their NUL */
	return 4;
}
static DEVICE_ATTR_RO(name);
static struct attribute *of_node_files[] = { &dev_attr_name.attr, NULL };
static const struct attribute_group of_node = { .name = "of_node", .attrs = of_node_files };

/* ---- power: P = k f V^2, the voltage rising from 0.8 V at the lowest step to 1.1 V at the highest ---- */

#define INPUT_MV 19000
static const char * const rails[] = { "VDD_IN", "VDD_GPU", "VDD_CPU" };

static u64 clock_mw(const struct clock *c)
{
	u64 khz = current_khz(c);
	u64 mv = 800 + 300 * (khz - c->lowest_khz) / (c->highest_khz - c->lowest_khz);

	return c->mw_per_ghz_v2 * khz * mv * mv / 1000000000000ULL;
}

static umode_t power_visible(const void *data, enum hwmon_sensor_types type, u32 attr, int channel)
{
	return type == hwmon_in && channel == 0 ? 0 : 0444;	/* in0 is hidden, as in the ina3221 driver */
}

static int power_read(struct device *dev, enum hwmon_sensor_types type, u32 attr, int channel, long *value)
{
	u64 gpu_mw = clock_mw(&gpu), cpu_mw = clock_mw(&cpu), total_mw = 2000 + (gpu_mw + cpu_mw) * 11 / 10;

	if (type == hwmon_curr)		/* mA; curr1 is channel 0 */
		*value = (channel == 0 ? total_mw : channel == 1 ? gpu_mw : cpu_mw) * 1000 / INPUT_MV;
	else
		*value = type == hwmon_in ? INPUT_MV : 7;	/* mV; update_interval in ms */
	return 0;
}

static int power_label(struct device *dev, enum hwmon_sensor_types type, u32 attr, int channel, const char **text)
{
	*text = rails[channel - 1];
	return 0;
}

static const struct hwmon_channel_info *power_channels[] = {
	HWMON_CHANNEL_INFO(chip, HWMON_C_UPDATE_INTERVAL),
	HWMON_CHANNEL_INFO(in, HWMON_I_INPUT, HWMON_I_INPUT | HWMON_I_LABEL, HWMON_I_INPUT | HWMON_I_LABEL,
			   HWMON_I_INPUT | HWMON_I_LABEL),
	HWMON_CHANNEL_INFO(curr, HWMON_C_INPUT, HWMON_C_INPUT, HWMON_C_INPUT),
	NULL,
};
static const struct hwmon_ops power_ops = {
	.is_visible = power_visible, .read = power_read, .read_string = power_label,
};
static const struct hwmon_chip_info power_chip = { .ops = &power_ops, .info = power_channels };

/* ---- temperature ---- */

static int zone_temp(struct thermal_zone_device *zone, int *temp_mc)
{
	*temp_mc = ((struct clock *)zone->devdata)->temp_mc;
	return 0;
}
static struct thermal_zone_device_ops zone_ops = { .get_temp = zone_temp };

/* ---- faults ---- */

static int throttle_set(const char *text, const struct kernel_param *param)
{
	struct clock *c = container_of(param->arg, struct clock, throttle_khz);
	unsigned int khz, after_ms;
	int err = kstrtouint(text, 0, &khz);

	if (err)
		return err;
	after_ms = khz ? c->throttle_after_ms : 0;
	spin_lock(&clocks_lock);
	c->throttle_khz = khz;
	c->throttle_start = ktime_add_ms(ktime_get(), after_ms);
	spin_unlock(&clocks_lock);
	if (c == &cpu && cpu_policy)
		mod_delayed_work(system_wq, &tell_when_throttled, after_ms ? msecs_to_jiffies(after_ms) + 1 : 0);
	return 0;
}
static const struct kernel_param_ops throttle_ops = { .set = throttle_set, .get = param_get_uint };

#define FAULTS(c) \
	module_param_named(c##_refuse, c.refuse, uint, 0644); \
	module_param_named(c##_clamp_khz, c.clamp_khz, uint, 0644); \
	module_param_named(c##_delay_ms, c.delay_ms, uint, 0644); \
	module_param_named(c##_throttle_after_ms, c.throttle_after_ms, uint, 0644); \
	module_param_cb(c##_throttle_khz, &throttle_ops, &c.throttle_khz, 0644); \
	module_param_named(c##_temp_mc, c.temp_mc, int, 0644)
FAULTS(cpu);
FAULTS(gpu);

/* No unloading, and no undoing of a half-done start: the machine is thrown away after use. */
static int __init board_init(void)
{
	struct platform_device *gpu_device = platform_device_register_simple("57000000.gpu", -1, NULL, 0);
	struct platform_device *power_device = platform_device_register_simple("1-0040", -1, NULL, 0);
	int step, err = 0;

	if (IS_ERR(gpu_device) || IS_ERR(power_device))
		return -ENODEV;
	for (step = 1; step <= GPU_STEPS && !err; step++)
		err = dev_pm_opp_add(&gpu_device->dev, step * GPU_STEP_KHZ * 1000UL, 0);
	return err
		?: device_add_group(&gpu_device->dev, &of_node)
		?: cpufreq_register_driver(&cpu_driver)
		?: PTR_ERR_OR_ZERO(devfreq_add_device(&gpu_device->dev, &gpu_profile, "simple_ondemand", NULL))
		?: PTR_ERR_OR_ZERO(hwmon_device_register_with_info(&power_device->dev, "ina3221", NULL, &power_chip, NULL))
		?: PTR_ERR_OR_ZERO(thermal_zone_device_register("CPU-therm", 0, 0, &cpu, &zone_ops, NULL, 0, 0))
		?: PTR_ERR_OR_ZERO(thermal_zone_device_register("GPU-therm", 0, 0, &gpu, &zone_ops, NULL, 0, 0));
}
module_init(board_init);
MODULE_LICENSE("GPL");
